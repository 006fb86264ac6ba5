// Prompt → tokens: pictures are prepared, encoders read them.
export { BackgroundError, removeBackground } from './background.ts';
export { resizeLanczos } from './lanczos.ts';
export { type PatchEncoderConfig, patchEncoder } from './patch-encoder.ts';
export {
  isCutOut,
  type PreparePictureOptions,
  preparePicture,
  type RgbaPicture,
  type RgbPicture,
} from './prepare-picture.ts';
