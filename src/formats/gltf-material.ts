/** What the renderer needs of a glTF material: base colour, alpha, sides, and how it shines, on average. */
import type { Material, Texture, TextureInfo } from '@gltf-transform/core';
import type { PBRSpecularGlossiness } from '@gltf-transform/extensions';
import {
  NEUTRAL_MATERIAL,
  type ReadModelOptions,
  type SceneMaterial,
  type SceneTexture,
  type Wrap,
} from './triangle-scene.ts';

const WRAPS: Record<number, Wrap> = { 10497: 'repeat', 33648: 'mirror', 33071: 'clamp' };

/** A texture that cannot be decoded becomes a warning and a plain colour. */
export async function readMaterial(
  material: Material | null,
  options: ReadModelOptions,
  warnings: string[],
): Promise<SceneMaterial> {
  if (!material) return NEUTRAL_MATERIAL;
  const { factor, texture, info } = baseColor(material);
  return {
    name: material.getName(),
    baseColorFactor: factor,
    baseColorTexture: texture && info ? await readTexture(material, texture, info, options, warnings) : undefined,
    alphaMode: material.getAlphaMode().toLowerCase() as SceneMaterial['alphaMode'],
    alphaCutoff: material.getAlphaCutoff(),
    doubleSided: material.getDoubleSided(),
    unlit: material.getExtension('KHR_materials_unlit') !== null,
    ...(await readShine(material, options, warnings)),
  };
}

export function baseColor(material: Material): {
  factor: [number, number, number, number];
  texture: Texture | null;
  info: TextureInfo | null;
} {
  const old = material.getExtension<PBRSpecularGlossiness>('KHR_materials_pbrSpecularGlossiness');
  if (old)
    return { factor: old.getDiffuseFactor(), texture: old.getDiffuseTexture(), info: old.getDiffuseTextureInfo() };
  return {
    factor: material.getBaseColorFactor(),
    texture: material.getBaseColorTexture(),
    info: material.getBaseColorTextureInfo(),
  };
}

/** A metal/rough texture becomes its average: a scene keeps one number of each. */
async function readShine(
  material: Material,
  options: ReadModelOptions,
  warnings: string[],
): Promise<{ metallic: number; roughness: number }> {
  const old = material.getExtension<PBRSpecularGlossiness>('KHR_materials_pbrSpecularGlossiness');
  if (old) return { metallic: 0, roughness: 1 - old.getGlossinessFactor() };
  const [metallic, roughness] = [material.getMetallicFactor(), material.getRoughnessFactor()];
  const texture = material.getMetallicRoughnessTexture();
  const info = material.getMetallicRoughnessTextureInfo();
  if (!texture || !info || (metallic === 0 && roughness === 0)) return { metallic, roughness };
  const picture = await readTexture(material, texture, info, options, warnings);
  if (!picture) return { metallic: 0, roughness }; // a metal by default would come out dark
  const [, g, b] = averageOf(picture.data);
  return { metallic: metallic * b, roughness: roughness * g };
}

/** Of each channel, in [0, 1]. */
function averageOf(data: Uint8Array): number[] {
  const sums = [0, 0, 0, 0];
  for (let i = 0; i < data.length; i++) sums[i % 4] += data[i];
  return sums.map((sum) => sum / (255 * (data.length / 4)));
}

async function readTexture(
  material: Material,
  texture: Texture,
  info: TextureInfo,
  options: ReadModelOptions,
  warnings: string[],
): Promise<SceneTexture | undefined> {
  const bytes = texture.getImage();
  if (!bytes || bytes.length === 0) return undefined; // said when the picture was looked for
  const where = `glTF: material "${material.getName()}"`;
  if (!options.decodePicture) {
    warnings.push(`${where}: no picture decoder was given. A plain colour is used.`);
    return undefined;
  }
  try {
    const picture = await options.decodePicture(bytes);
    return { ...picture, wrapU: WRAPS[info.getWrapS()] ?? 'repeat', wrapV: WRAPS[info.getWrapT()] ?? 'repeat' };
  } catch (cause) {
    warnings.push(`${where}: the texture cannot be read (${(cause as Error).message}). A plain colour is used.`);
    return undefined;
  }
}
