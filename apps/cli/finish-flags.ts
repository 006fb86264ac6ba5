/** What `finish` and `generate` ask alike about the finished mesh and its file. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { TextureMode } from '../../src/finish/index.ts';
import { TEXTURE_FORMATS, type TextureFormat } from '../../src/formats/index.ts';

export interface FinishFlags {
  texture?: number;
  textureMode: TextureMode;
  textureFormat: TextureFormat;
  views?: number;
  keepSpecks: boolean;
  meshopt: boolean;
}

export function addFinishFlags(command: Command): Command {
  return command
    .option('--texture <n>', 'texels per side of the texture, 1024 by default; 0 keeps vertex colours', texels)
    .addOption(
      new Option('--texture-mode <mode>', 'of views: blended, or optimised until the textured mesh looks like them')
        .choices(['fast', 'best'])
        .default('best'),
    )
    .option('--views <n>', 'pictures of the Gaussians that the texture is made of, 64 by default', wholeNumber(1, 1000))
    .addOption(
      new Option('--texture-format <format>', 'webp and ktx2 are smaller, and not read everywhere')
        .choices(TEXTURE_FORMATS)
        .default('png'),
    )
    .option('--meshopt', 'pack the geometry of a .glb with meshopt', false)
    .option('--keep-specks', 'keep the closed specks beside the object', false);
}

export function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const n = Number(text);
    if (text.trim() !== '' && Number.isInteger(n) && n >= least && n <= most) return n;
    throw new InvalidArgumentError(`expected a whole number in ${least} … ${most}.`);
  };
}

/** The share of the faces that goes, as published. */
export function simplifyRatio(text: string): number {
  const n = Number(text);
  if (text.trim() !== '' && n >= 0 && n < 1) return n;
  throw new InvalidArgumentError('expected the share of the faces to remove, in 0 … 1, such as 0.95.');
}

function texels(text: string): number {
  return text === '0' ? 0 : wholeNumber(16, 8192)(text);
}
