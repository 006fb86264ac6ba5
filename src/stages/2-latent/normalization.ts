/**
 * The flow works on latents of mean 0 and deviation 1 in each channel; encoder and decoders do not. The numbers belong to an
 * encoder and are stored beside it (`slat_normalization`).
 */
export interface LatentNormalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Those of the published encoder. Source: reference/pipelines.md §2. */
export const publishedNormalization: LatentNormalization = {
  mean: [
    -2.1687545776367188, -0.004347046371549368, -0.13352349400520325, -0.08418072760105133, -0.5271206498146057,
    0.7238689064979553, -1.1414450407028198, 1.2039363384246826,
  ],
  std: [
    2.377650737762451, 2.386378288269043, 2.124418020248413, 2.1748552322387695, 2.663944721221924, 2.371192216873169,
    2.6217446327209473, 2.684523105621338,
  ],
};

/** feats [N, C] of the encoder → [N, C] for the flow: (feats − mean)/std. */
export function normalizeLatent(feats: Float32Array, normalization: LatentNormalization): Float32Array {
  const { mean, std } = checked('normalizeLatent', feats, normalization);
  return feats.map((v, i) => (v - mean[i % mean.length]) / std[i % std.length]);
}

/** feats [N, C] of the flow → [N, C] for the decoders: feats·std + mean. */
export function denormalizeLatent(feats: Float32Array, normalization: LatentNormalization): Float32Array {
  const { mean, std } = checked('denormalizeLatent', feats, normalization);
  return feats.map((v, i) => v * std[i % std.length] + mean[i % mean.length]);
}

function checked(where: string, feats: Float32Array, normalization: LatentNormalization): LatentNormalization {
  const { mean, std } = normalization;
  if (mean.length === 0 || mean.length !== std.length || feats.length % mean.length !== 0)
    throw new RangeError(
      `${where}: expected as many means as deviations, one for each channel of feats; got ${mean.length} means, ${std.length} deviations, ${feats.length} values.`,
    );
  if (![...mean, ...std].every(Number.isFinite) || std.some((s) => s <= 0))
    throw new RangeError(`${where}: deviations must be above 0 and all numbers finite, got std [${std.join(', ')}].`);
  return normalization;
}
