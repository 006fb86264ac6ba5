import { halvesToFloats } from '../formats/index.ts';

/** What a flow learns from as plain arrays in shared memory: threads that make batches read it where it lies. A row is a view. */
export interface FlowTable {
  /** first row of each asset, and the end of the last */
  firstRows: Int32Array;
  /** RGB on black, [rows, S, S, 3] */
  pictures: Uint8Array;
  /** which latent belongs to each row */
  latentRows: Int32Array;
  /** half floats, [latents, c, r, r, r]; views of the same shape share one */
  latents: Uint16Array;
  /** numbers of a latent */
  latentSize: number;
  /** radians by which the camera of each row stands above the object */
  pitches: Float32Array;
  /** deviation of each channel of the latents */
  scale: Float32Array;
}

/** The views of each asset, one after the other. */
export function flowTable(assets: {
  pictures: readonly (readonly Uint8Array[])[];
  latents: readonly (readonly Uint16Array[])[];
  pitches: readonly (readonly number[])[];
  scale: Float32Array;
}): FlowTable {
  const rows = assets.pictures.flat();
  const firstRows = new Int32Array(shared(4 * (assets.pictures.length + 1)));
  for (const [i, views] of assets.pictures.entries()) firstRows[i + 1] = firstRows[i] + views.length;
  const pixels = rows[0]?.length ?? 0;
  const pictures = new Uint8Array(shared(rows.length * pixels));
  for (const [i, picture] of rows.entries()) pictures.set(picture, i * pixels);

  const distinct = [...new Set(assets.latents.flat())];
  const at = new Map(distinct.map((latent, i) => [latent, i]));
  const latentSize = distinct[0]?.length ?? 0;
  const latents = new Uint16Array(shared(2 * distinct.length * latentSize));
  for (const [i, latent] of distinct.entries()) latents.set(latent, i * latentSize);
  const latentRows = new Int32Array(shared(4 * rows.length));
  latentRows.set(assets.latents.flat().map((latent) => at.get(latent) as number));

  const pitches = new Float32Array(shared(4 * rows.length));
  pitches.set(assets.pitches.flat());
  const scale = new Float32Array(shared(4 * assets.scale.length));
  scale.set(assets.scale);
  return { firstRows, pictures, latentRows, latents, latentSize, pitches, scale };
}

const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);

export const viewsOf = ({ firstRows }: FlowTable, asset: number): number => firstRows[asset + 1] - firstRows[asset];

/** Bytes [S, S, 3]; part of the table. */
export function pictureAt({ pictures, latentRows }: FlowTable, row: number): Uint8Array {
  const size = pictures.length / latentRows.length;
  return pictures.subarray(row * size, (row + 1) * size);
}

/** [c, r, r, r], each channel of unit deviation. */
export function latentAt({ latents, latentRows, latentSize, scale }: FlowTable, row: number): Float32Array {
  const from = latentRows[row] * latentSize;
  const latent = fromHalves(latents.subarray(from, from + latentSize));
  const voxels = latentSize / scale.length;
  for (let c = 0, j = 0; c < scale.length; c++) for (let n = 0; n < voxels; n++) latent[j++] /= scale[c];
  return latent;
}

let values: Float32Array | undefined;

/** By a table of all halves: a batch is a million of them. */
export function fromHalves(halves: Uint16Array): Float32Array {
  values ??= halvesToFloats(Uint16Array.from({ length: 65536 }, (_, i) => i));
  const out = new Float32Array(halves.length);
  for (let i = 0; i < out.length; i++) out[i] = values[halves[i]];
  return out;
}
