// Coords and a prompt become a structured latent; picture features become the latents that the flow learns from.
export { type LatentEncoderConfig, latentEncoder } from './encoder.ts';
export { type LatentFlowConfig, latentFlow, latentPrompt } from './flow.ts';
export {
  denormalizeLatent,
  type LatentNormalization,
  normalizeLatent,
  publishedNormalization,
} from './normalization.ts';
export {
  type LatentEncoderRunner,
  type LatentPrompt,
  type LatentSampler,
  type LatentSamplerOptions,
  openLatentEncoder,
  openLatentSampler,
} from './sampler.ts';
