/**
 * GLB out: positions, normals, texture coordinates, vertex colours, base colour textures inside the file (PNG, WebP or KTX2),
 * optionally packed by meshopt. Axes: the object frame (z up) becomes glTF's (y up), (x, y, z) → (x, z, −y).
 */
import { type Accessor, Document, type Material, type Texture, WebIO } from '@gltf-transform/core';
import {
  EXTMeshoptCompression,
  EXTTextureWebP,
  KHRMaterialsUnlit,
  KHRMeshQuantization,
  KHRTextureBasisu,
} from '@gltf-transform/extensions';
import { meshopt } from '@gltf-transform/functions';
import { type GlbMesh, type MeshMaterialOptions, sceneOfMesh } from './mesh-scene.ts';
import { encodeTexture } from './picture.ts';
import type { TextureFormat } from './texture-format.ts';
import type { RgbaPicture, SceneMaterial, ScenePrimitive, Wrap } from './triangle-scene.ts';
import { expectWritable, texturesOf, type WritableScene, wholeNormals } from './writable-scene.ts';
import { zUpToYUp } from './y-up.ts';

export interface GlbSceneOptions {
  /** Of materials that do not say; in [0, 1]: 0 mirrors, 1 is chalk. */
  roughness?: number;
  /** Name of node and mesh. */
  name?: string;
  /**
   * 'png' is read everywhere; 'webp' is smaller, lossless too, and needs a reader of EXT_texture_webp; 'ktx2' stays compressed
   * on the graphics card, at a small loss, and needs a reader of KHR_texture_basisu.
   */
  textureFormat?: TextureFormat;
  /** 'meshopt' makes the geometry several times smaller: positions keep 14 bits of the box, and vertices change order. */
  compression?: 'none' | 'meshopt';
}

export type GlbOptions = MeshMaterialOptions & GlbSceneOptions;

/** One mesh with one opaque, non-metallic, single-sided material as the bytes of a GLB file. */
export async function writeGlb(mesh: GlbMesh, options: GlbOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  return writeGlbScene(sceneOfMesh(mesh, options), options);
}

/** A scene as the bytes of a GLB file: one node, one mesh, a primitive for each of the scene's. */
export async function writeGlbScene(
  scene: WritableScene,
  options: GlbSceneOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  expectWritable('writeGlb', scene);
  const { roughness = 0.8, name = 'asset', textureFormat = 'png', compression = 'none' } = options;
  const document = new Document();
  document.getRoot().getAsset().generator = 'espalier';
  document.createBuffer();
  const textures = new Map<RgbaPicture, Texture>();
  for (const picture of texturesOf(scene)) {
    const bytes = await encodeTexture(picture, textureFormat);
    textures.set(picture, document.createTexture().setMimeType(`image/${textureFormat}`).setImage(bytes));
  }
  if (textures.size > 0 && textureFormat === 'webp') document.createExtension(EXTTextureWebP).setRequired(true);
  if (textures.size > 0 && textureFormat === 'ktx2') document.createExtension(KHRTextureBasisu).setRequired(true);
  const mesh = document.createMesh(name);
  const textured = new Map<SceneMaterial, Material>();
  const plain = new Map<SceneMaterial, Material>(); // of primitives without texture coordinates
  for (const primitive of scene.primitives) {
    const materials = primitive.uvs ? textured : plain;
    let material = materials.get(primitive.material);
    if (!material) {
      material = createMaterial(document, primitive.material, primitive.uvs ? textures : new Map(), roughness);
      materials.set(primitive.material, material);
    }
    mesh.addPrimitive(createPrimitive(document, primitive).setMaterial(material));
  }
  document.getRoot().setDefaultScene(document.createScene().addChild(document.createNode(name).setMesh(mesh)));
  const io = new WebIO().registerExtensions([
    EXTMeshoptCompression,
    EXTTextureWebP,
    KHRMaterialsUnlit,
    KHRMeshQuantization,
    KHRTextureBasisu,
  ]);
  if (compression === 'meshopt') {
    const { MeshoptEncoder } = await import('meshoptimizer');
    await MeshoptEncoder.ready;
    io.registerDependencies({ 'meshopt.encoder': MeshoptEncoder });
    document.setLogger({ debug() {}, info() {}, warn() {}, error() {} });
    await document.transform(meshopt({ encoder: MeshoptEncoder }));
  }
  return io.writeBinary(document);
}

function createPrimitive(document: Document, primitive: ScenePrimitive) {
  const buffer = document.getRoot().listBuffers()[0];
  const accessor = (
    type: 'SCALAR' | 'VEC2' | 'VEC3' | 'VEC4',
    array: Float32Array | Uint32Array | Uint16Array,
  ): Accessor =>
    document
      .createAccessor()
      .setType(type)
      .setArray(array as Float32Array<ArrayBuffer>)
      .setBuffer(buffer);
  const { positions, indices, uvs, colors, material } = primitive;
  const normals = wholeNormals(primitive);
  // 65535 itself is kept free: it restarts primitives
  const short = positions.length / 3 < 65535 ? Uint16Array.from(indices) : indices;
  const created = document
    .createPrimitive()
    .setIndices(accessor('SCALAR', short))
    .setAttribute('POSITION', accessor('VEC3', zUpToYUp(positions)));
  if (normals) created.setAttribute('NORMAL', accessor('VEC3', zUpToYUp(normals)));
  if (uvs && material.baseColorTexture) created.setAttribute('TEXCOORD_0', accessor('VEC2', uvs));
  if (colors) {
    const isOpaque = colors.every((value, i) => i % 4 !== 3 || value === 1);
    if (isOpaque)
      created.setAttribute(
        'COLOR_0',
        accessor(
          'VEC3',
          colors.filter((_, i) => i % 4 !== 3),
        ),
      );
    else created.setAttribute('COLOR_0', accessor('VEC4', colors));
  }
  return created;
}

const WRAPS: Record<Wrap, 10497 | 33648 | 33071> = { repeat: 10497, mirror: 33648, clamp: 33071 };

function createMaterial(
  document: Document,
  source: SceneMaterial,
  textures: ReadonlyMap<RgbaPicture, Texture>,
  roughness: number,
): Material {
  const material = document
    .createMaterial(source.name)
    .setAlphaMode(source.alphaMode.toUpperCase() as 'OPAQUE' | 'MASK' | 'BLEND')
    .setAlphaCutoff(source.alphaCutoff)
    .setDoubleSided(source.doubleSided)
    .setBaseColorFactor([...source.baseColorFactor])
    .setMetallicFactor(source.metallic ?? 0)
    .setRoughnessFactor(source.roughness ?? roughness);
  const texture = source.baseColorTexture && textures.get(source.baseColorTexture);
  if (texture && source.baseColorTexture) {
    material.setBaseColorTexture(texture);
    material
      .getBaseColorTextureInfo()
      ?.setWrapS(WRAPS[source.baseColorTexture.wrapU])
      .setWrapT(WRAPS[source.baseColorTexture.wrapV]);
  }
  if (source.unlit)
    material.setExtension('KHR_materials_unlit', document.createExtension(KHRMaterialsUnlit).createUnlit());
  return material;
}
