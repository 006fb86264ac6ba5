/**
 * MTL, the materials of OBJ files: colour (`Kd`), its texture (`map_Kd`), opacity (`d`, `Tr`), and how metallic and rough
 * (`Pm`, `Pr`, an addition of later programs). Older words for shine, bumps and light of its own are not read. `Kd` is taken as sRGB, as most programs write it.
 */
import { displayOfLinear, linearOfDisplay } from './display-color.ts';
import { checkedResourcePath, shorten } from './resource-path.ts';
import { textLines } from './text-lines.ts';
import { ModelError, NEUTRAL_MATERIAL, type ReadModelOptions, type SceneMaterial } from './triangle-scene.ts';

interface MtlEntry {
  name: string;
  color?: [number, number, number]; // sRGB
  opacity: number;
  metallic?: number;
  roughness?: number;
  texture?: { path: string; isClamped: boolean };
}

/** The materials of an MTL file by name. Pictures that cannot be had become warnings and plain colours. */
export async function readMtl(
  bytes: Uint8Array,
  options: ReadModelOptions,
  warnings: string[],
): Promise<Map<string, SceneMaterial>> {
  const pictures = new Map<string, Promise<SceneMaterial['baseColorTexture']>>();
  const materials = new Map<string, SceneMaterial>();
  for (const entry of parseMtl(bytes)) {
    const { name, color, opacity, texture, metallic, roughness } = entry;
    let picture: SceneMaterial['baseColorTexture'];
    if (texture) {
      const key = `${texture.isClamped} ${texture.path}`;
      if (!pictures.has(key)) pictures.set(key, readPicture(entry, texture, options, warnings));
      picture = await pictures.get(key);
    }
    // Kd multiplies the texture, but exporters that leave it black beside one mean white.
    const isForgotten = texture !== undefined && color?.every((c) => c === 0);
    const [r, g, b] =
      (isForgotten ? undefined : color)?.map(linearOfDisplay) ?? (texture ? [1, 1, 1] : [0.8, 0.8, 0.8]);
    materials.set(name, {
      ...NEUTRAL_MATERIAL,
      name,
      baseColorFactor: [r, g, b, opacity],
      baseColorTexture: picture,
      alphaMode: opacity < 1 ? 'blend' : 'opaque',
      ...(metallic === undefined ? {} : { metallic }),
      ...(roughness === undefined ? {} : { roughness }),
    });
  }
  return materials;
}

function parseMtl(bytes: Uint8Array): MtlEntry[] {
  const entries: MtlEntry[] = [];
  for (const raw of textLines(bytes)) {
    const line = raw.replace(/#.*/, '').trim();
    const [word, ...rest] = line.split(/\s+/);
    const entry = entries[entries.length - 1];
    if (word === 'newmtl') entries.push({ name: line.slice(6).trim(), opacity: 1 });
    else if (!entry) continue;
    else if (word === 'Kd') entry.color = colorOf(rest);
    else if (word === 'd') entry.opacity = fraction(rest[rest.length - 1], 1);
    else if (word === 'Tr') entry.opacity = 1 - fraction(rest[0], 0);
    else if (word === 'Pm') entry.metallic = fraction(rest[0], 0);
    else if (word === 'Pr') entry.roughness = fraction(rest[0], 1);
    else if (word.toLowerCase() === 'map_kd') entry.texture = textureOf(rest);
  }
  return entries;
}

function colorOf(words: string[]): [number, number, number] | undefined {
  const [r, g = r, b = r] = words.map((word) => fraction(word, Number.NaN));
  return Number.isNaN(r + g + b) ? undefined : [r, g, b];
}

function fraction(word: string | undefined, otherwise: number): number {
  const value = Number(word ?? Number.NaN);
  return Number.isNaN(value) ? otherwise : Math.min(1, Math.max(0, value));
}

/** Options that stand before the file name, with the most arguments each takes (numbers, or the word on or off). */
const MAP_OPTIONS = new Map([
  ['-blendu', 1],
  ['-blendv', 1],
  ['-boost', 1],
  ['-bm', 1],
  ['-cc', 1],
  ['-clamp', 1],
  ['-imfchan', 1],
  ['-mm', 2],
  ['-o', 3],
  ['-s', 3],
  ['-t', 3],
  ['-texres', 1],
  ['-type', 1],
]);

function textureOf(words: string[]): MtlEntry['texture'] {
  let at = 0;
  let isClamped = false;
  for (let most = MAP_OPTIONS.get(words[0]); most !== undefined; most = MAP_OPTIONS.get(words[at])) {
    const option = words[at++];
    if (option === '-clamp') isClamped = words[at] === 'on';
    const takesWord = !['-o', '-s', '-t', '-mm'].includes(option);
    for (let k = 0; k < most && at < words.length - 1 && (takesWord || !Number.isNaN(Number(words[at]))); k++) at++;
  }
  const path = words
    .slice(at)
    .join(' ')
    .replaceAll('\\', '/')
    .replace(/^(\.\/)+/, '');
  return path === '' ? undefined : { path, isClamped };
}

async function readPicture(
  entry: MtlEntry,
  { path, isClamped }: { path: string; isClamped: boolean },
  options: ReadModelOptions,
  warnings: string[],
): Promise<SceneMaterial['baseColorTexture']> {
  const where = `OBJ: material "${shorten(entry.name)}"`;
  try {
    checkedResourcePath(where, path, 'Put the texture beside the model.');
    if (!options.loadResource || !options.decodePicture)
      throw new ModelError(`${where} needs the picture "${shorten(path)}", only the model itself was given.`);
    const wrap = isClamped ? 'clamp' : 'repeat';
    return { ...(await options.decodePicture(await options.loadResource(path))), wrapU: wrap, wrapV: wrap };
  } catch (cause) {
    const reason =
      cause instanceof ModelError
        ? cause.message
        : `${where}: the texture "${shorten(path)}" cannot be read (${(cause as Error).message}).`;
    warnings.push(`${reason} A plain colour is used.`);
    return undefined;
  }
}

/** The lines of one material. @param texture  name of the picture beside the file */
export function formatMtl(name: string, material: SceneMaterial, texture: string | undefined): string {
  const [r, g, b, opacity] = material.baseColorFactor;
  const shown = (c: number) => Number(displayOfLinear(c).toFixed(6));
  const lines = [`newmtl ${name}`, `Kd ${shown(r)} ${shown(g)} ${shown(b)}`, 'Ks 0 0 0'];
  lines.push(`d ${material.alphaMode === 'opaque' ? 1 : Number(opacity.toFixed(6))}`, 'illum 1');
  if (material.metallic !== undefined) lines.push(`Pm ${Number(material.metallic.toFixed(6))}`);
  if (material.roughness !== undefined) lines.push(`Pr ${Number(material.roughness.toFixed(6))}`);
  if (texture) {
    const isClamped = material.baseColorTexture?.wrapU === 'clamp' && material.baseColorTexture.wrapV === 'clamp';
    lines.push(`map_Kd ${isClamped ? '-clamp on ' : ''}${texture}`);
  }
  return `${lines.join('\n')}\n`;
}
