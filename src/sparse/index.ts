// Active voxels: coordinates and features, hashing, neighbors, windows, and layers over them.
export { type AttentionReach, attendAmongVoxels, sparseCrossAttention, sparseSelfAttention } from './attention.ts';
export { convolutionOfSubdivided, pointConvolution, sparseConvolution } from './convolution.ts';
export { type NeighborPairs, neighborPairs, neighborTable, TAPS, tableOfSubdivided } from './neighbors.ts';
export { sparseGroupNorm } from './norm.ts';
export { perObject, perRow } from './per-object.ts';
export { inPieces } from './pieces.ts';
export { sparsePositions } from './positions.ts';
export { type Coarsening, coarsened, subdivided } from './resample.ts';
export { downsample, subdivide, upsample } from './resolution.ts';
export {
  type SparseGrid,
  type SparseGridOptions,
  type SymbolicBucket,
  type SymbolicWindows,
  sparseGrid,
} from './sparse-grid.ts';
export {
  type SparseTransformerConfig,
  sparseTransformer,
  transformerBlocks,
  transformerInput,
} from './sparse-transformer.ts';
export { sparseCrossBlock, sparsePlainBlock, swinReach } from './transformer.ts';
export { rowAt, type VoxelHash, voxelHash } from './voxel-hash.ts';
export { expectRows, MAX_RESOLUTION, type Voxels, voxels, voxelsOfObjects, withoutObject } from './voxels.ts';
export { bucketLengths, type WindowBucket, type WindowPartition, windowPartition } from './windows.ts';
