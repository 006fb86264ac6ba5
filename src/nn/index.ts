// Layers as functions of a scope and tensors.
export {
  type AttentionConfig,
  attendToPrompt,
  crossAttention,
  type KeysValues,
  promptKeysValues,
  selfAttention,
} from './attention.ts';
export { convolution, residualBlock } from './convolution.ts';
export { absolutePositions, gridPositions, timeEmbedding } from './embedding.ts';
export { linear } from './linear.ts';
export { affineLayerNorm, BLOCK_EPS, channelLayerNorm, DEFAULT_EPS, groupNorm, headNorm, layerNorm } from './norm.ts';
export { type BlockConfig, crossBlock, feedForward, modulation, plainBlock } from './transformer.ts';
