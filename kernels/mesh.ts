/**
 * Differentiable triangles. The readable version is src/render/mesh-twin.ts, the caller src/render/mesh-kernel.ts, in this order:
 * project, bounds, order, (place the list), fill, corners, raster, crossings, mix; the adjoint: pixelsBackward, facesBackward,
 * verticesBackward.
 *
 * The picture is cut into bands of 16 rows, each drawn by one thread from its own list of triangles.
 */
export { facesBackward, pixelsBackward, verticesBackward } from './mesh-adjoint';
export { crossings, mix } from './mesh-antialias';
export { corners, fill, order } from './mesh-order';
export { bounds, project } from './mesh-projection';
export { raster } from './mesh-raster';
