import type { SurfaceMesh } from '../representations/index.ts';
import { type OrbitView, viewFrame } from './orbit-view.ts';
import type { Picture } from './picture.ts';
import { linearToSrgb8 } from './srgb.ts';

export interface MeshViewOptions {
  /** Side of the square picture in pixels. */
  size?: number;
  /** Samples per pixel along each side. */
  supersampling?: number;
  /** sRGB. */
  background?: [number, number, number];
  /** Linear RGB in [0, 1], where the mesh has no colors. */
  baseColor?: [number, number, number];
}

/**
 * A mesh with smooth shading, seen from an orbit view: triangles into a depth buffer. The key light comes over the
 * camera's left shoulder, so every view is lit alike. Back sides are not drawn; triangles that reach behind the camera
 * are left out. → RGB [size, size, 3]
 */
export function meshView(mesh: SurfaceMesh, view: OrbitView, options: MeshViewOptions = {}): Picture {
  const { size = 256, supersampling = 2, background = [0, 0, 0], baseColor = [0.6, 0.6, 0.6] } = options;
  const { eye, right, up, forward, halfSide } = viewFrame(view);
  const { positions, normals, colors, indices } = mesh;
  const side = size * supersampling;
  const vertexCount = positions.length / 3;

  const screenX = new Float32Array(vertexCount);
  const screenY = new Float32Array(vertexCount);
  const inverseDepth = new Float32Array(vertexCount); // linear on the screen
  const lit = new Float32Array(vertexCount * 3); // linear RGB
  const scale = side / (2 * halfSide);
  const key = [0, 1, 2].map(
    (a) => (-0.45 * right[a] + 0.65 * up[a] - 0.75 * forward[a]) / Math.hypot(0.45, 0.65, 0.75),
  );
  for (let v = 0; v < vertexCount; v++) {
    const [x, y, z] = [positions[v * 3] - eye[0], positions[v * 3 + 1] - eye[1], positions[v * 3 + 2] - eye[2]];
    const depth = x * forward[0] + y * forward[1] + z * forward[2];
    inverseDepth[v] = depth > 1e-3 ? 1 / depth : 0;
    screenX[v] = side / 2 + (x * right[0] + y * right[1] + z * right[2]) * inverseDepth[v] * scale;
    screenY[v] = side / 2 - (x * up[0] + y * up[1] + z * up[2]) * inverseDepth[v] * scale;
    const towardsKey = normals[v * 3] * key[0] + normals[v * 3 + 1] * key[1] + normals[v * 3 + 2] * key[2];
    const light = 0.12 + 0.1 * (normals[v * 3 + 2] * 0.5 + 0.5) + 0.9 * Math.max(0, towardsKey);
    for (let c = 0; c < 3; c++) lit[v * 3 + c] = (colors ? colors[v * 3 + c] : baseColor[c]) * light;
  }

  const nearest = new Float32Array(side * side); // greatest inverse depth so far, 0 for background
  const image = new Float32Array(side * side * 3);
  for (let f = 0; f < indices.length; f += 3) {
    const [a, b, c] = [indices[f], indices[f + 1], indices[f + 2]];
    if (inverseDepth[a] === 0 || inverseDepth[b] === 0 || inverseDepth[c] === 0) continue;
    const [ax, ay, bx, by, cx, cy] = [screenX[a], screenY[a], screenX[b], screenY[b], screenX[c], screenY[c]];
    const doubleArea = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay); // negative for front sides, as y points down
    if (!(doubleArea < 0)) continue;
    const [left, last] = [
      Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5)),
      Math.min(side - 1, Math.max(ax, bx, cx) - 0.5),
    ];
    const [top, bottom] = [
      Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5)),
      Math.min(side - 1, Math.max(ay, by, cy) - 0.5),
    ];
    for (let row = top; row <= bottom; row++)
      for (let column = left; column <= last; column++) {
        const [px, py] = [column + 0.5, row + 0.5];
        const wa = ((bx - px) * (cy - py) - (cx - px) * (by - py)) / doubleArea;
        const wb = ((cx - px) * (ay - py) - (ax - px) * (cy - py)) / doubleArea;
        const wc = 1 - wa - wb;
        if (wa < 0 || wb < 0 || wc < 0) continue;
        const inverse = wa * inverseDepth[a] + wb * inverseDepth[b] + wc * inverseDepth[c];
        const sample = row * side + column;
        if (inverse <= nearest[sample]) continue;
        nearest[sample] = inverse;
        for (let k = 0; k < 3; k++) {
          image[sample * 3 + k] = wa * lit[a * 3 + k] + wb * lit[b * 3 + k] + wc * lit[c * 3 + k];
        }
      }
  }

  const sums = new Float32Array(size * size * 3);
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const sample = row * side + column;
      const pixel = (Math.floor(row / supersampling) * size + Math.floor(column / supersampling)) * 3;
      for (let k = 0; k < 3; k++) {
        sums[pixel + k] += nearest[sample] === 0 ? background[k] : linearToSrgb8(image[sample * 3 + k]);
      }
    }
  const data = new Uint8Array(sums.length);
  for (let i = 0; i < data.length; i++) data[i] = Math.round(sums[i] / supersampling ** 2);
  return { width: size, height: size, channels: 3, data };
}
