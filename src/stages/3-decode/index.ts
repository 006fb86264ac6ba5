// A structured latent becomes Gaussians, a radiance field, or a mesh.
export {
  type GaussianDecoderConfig,
  type GaussianGraph,
  type GaussianRepresentationConfig,
  gaussianDecoder,
  gaussianDecoderBuffers,
  openGaussianDecoder,
} from './gaussian-decoder.ts';
export { type MeshDecoderConfig, meshDecoder, openCubeDecoder, openMeshDecoder } from './mesh-decoder.ts';
export type { Decoder, DecoderOptions } from './open-decoder.ts';
export {
  openRadianceFieldDecoder,
  type RadianceFieldDecoderConfig,
  type RadianceFieldGraph,
  radianceFieldDecoder,
} from './radiance-field-decoder.ts';
