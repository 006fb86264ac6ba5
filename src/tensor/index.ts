// Numbers: a pure graph is built, differentiated, lowered to ONNX, run.
export { type Dim, product, quotient, type Shape, showShape, sum as sumOfDims } from './dim.ts';
export { checkpoint, gradients, vectorJacobian } from './grad/gradients.ts';
export {
  type Draws,
  type Initializer,
  initialize,
  normalInit,
  ones,
  uniformInit,
  valuesInit,
  xavier,
  zeros,
} from './init.ts';
export { lower } from './onnx/lower.ts';
export type { ExternalData } from './onnx/model.ts';
export * from './ops/elementwise.ts';
export { constant, input } from './ops/leaf.ts';
export { affine, attention, gather, matmul, scatterAdd } from './ops/product.ts';
export { max, mean, normalize, softmax, sum } from './ops/reduce.ts';
export {
  after,
  cast,
  concat,
  expand,
  pad,
  parts,
  reshape,
  slice,
  split,
  stopGradient,
  transpose,
} from './ops/shape.ts';
export { sparseConv, type Taps } from './ops/sparse.ts';
export { conv3d, patchify, pixelShuffle3d, resizeNearest, unpatchify } from './ops/volume.ts';
export { type Generator, type GeneratorState, torchGenerator } from './random.ts';
export type { Device } from './runtime/device.ts';
export { type OpenFile, openFile } from './runtime/file-access.ts';
export { type OpenWeightsOptions, openWeights, type Precision } from './runtime/open-weights.ts';
export {
  compile,
  floats,
  integers,
  type Program,
  type ProgramOptions,
  type StreamedWeights,
  type Weights,
} from './runtime/program.ts';
export type { Value } from './runtime/protocol.ts';
export { resolveDevice } from './runtime/session-host.ts';
export { checkWeights, readWeights, type StoredWeight, type WeightFile } from './runtime/weight-file.ts';
export { wholeFile } from './runtime/whole-file.ts';
export { type Scope, scope } from './scope.ts';
export { type DType, type OpName, type Tensor, topological } from './tensor.ts';
