// Prompt → tokens: pictures are prepared, encoders read them.
export { BackgroundError, removeBackground } from './background.ts';
export { type ClipTextConfig, type ClipTextNaming, clipText, clipTextUnused } from './clip-text.ts';
export { type ClipTokenizer, clipTokenizer, clipTokenizerFromJson } from './clip-tokenizer.ts';
export {
  type Conditioner,
  type EncoderNetwork,
  openConditioner,
  type Prompt,
  type PromptEncoder,
  pictureSize,
  promptEncoderGraph,
  tokensPerPrompt,
} from './condition.ts';
export { type Dinov2Config, type Dinov2Naming, dinov2Condition, dinov2Tokens, dinov2Unused } from './dinov2.ts';
export { resizeLanczos } from './lanczos.ts';
export { type PatchEncoderConfig, patchEncoder } from './patch-encoder.ts';
export { type PitchHeadConfig, pitchHead, pitchTarget } from './pitch-head.ts';
export {
  isCutOut,
  PICTURE_MARGIN,
  type PreparePictureOptions,
  preparedColors,
  preparedMask,
  preparePicture,
  type RgbaPicture,
  type RgbPicture,
} from './prepare-picture.ts';
