/**
 * USDZ out, for quick looks on phones: an uncompressed zip whose files begin at multiples of 64 bytes, first `model.usda`
 * (text), then the textures as PNG. Axes: y up, (x, y, z) → (x, z, −y), one unit a metre; `st` has v up.
 *
 * A preview surface has one colour input: with a texture, vertex colours are left behind.
 * Source: Pixar, "USDZ File Format Specification" 1.3 and "UsdPreviewSurface Specification" 2.6.
 */
import { type Zippable, zipSync } from 'fflate';
import { encodeTexture } from './picture.ts';
import type { RgbaPicture, SceneMaterial, ScenePrimitive } from './triangle-scene.ts';
import {
  expectWritable,
  floatText,
  type NamedFile,
  texturesOf,
  type WritableScene,
  wholeNormals,
} from './writable-scene.ts';
import { zUpToYUp } from './y-up.ts';

type UsdWrap = 'repeat' | 'mirror' | 'clamp' | 'black'; // what UsdUVTexture knows; ours are among them

const ALIGNMENT = 64;
const LOCAL_HEADER_BYTES = 30;
const PADDING_FIELD = 0x1986; // an extra field that no one reads

export async function writeUsdz(scene: WritableScene): Promise<Uint8Array<ArrayBuffer>> {
  expectWritable('writeUsdz', scene);
  const textures = new Map<RgbaPicture, string>();
  const pictures: NamedFile[] = [];
  for (const [i, picture] of texturesOf(scene).entries()) {
    const name = `textures/${i}.png`;
    textures.set(picture, name);
    pictures.push({ name, bytes: await encodeTexture(picture, 'png') });
  }
  const text = new TextEncoder().encode(usda(scene, textures));
  return alignedZip([{ name: 'model.usda', bytes: text }, ...pictures]);
}

/** Stored, not compressed; the padding stands in an extra field of each header. */
function alignedZip(files: readonly NamedFile[]): Uint8Array<ArrayBuffer> {
  const entries: Zippable = {};
  let at = 0;
  for (const { name, bytes } of files) {
    const plain = LOCAL_HEADER_BYTES + name.length;
    const gap = (ALIGNMENT - ((at + plain + 4) % ALIGNMENT)) % ALIGNMENT; // after the field's own 4 bytes
    entries[name] = [bytes, { level: 0, mtime: '1980-01-02', extra: { [PADDING_FIELD]: new Uint8Array(gap) } }];
    at += plain + 4 + gap + bytes.length;
  }
  return zipSync(entries) as Uint8Array<ArrayBuffer>;
}

function usda({ primitives }: WritableScene, textures: ReadonlyMap<RgbaPicture, string>): string {
  const key = materialKey(primitives);
  const materials = [...new Set(primitives.map(key))];
  const meshes = primitives.map((primitive, i) => meshText(primitive, i, materials.indexOf(key(primitive))));
  const looks = materials.map((name, i) => {
    const user = primitives.find((primitive) => key(primitive) === name)!;
    const texture = user.uvs && user.material.baseColorTexture;
    return materialText(user, i, texture && textures.get(texture));
  });
  return `#usda 1.0
(
    defaultPrim = "asset"
    doc = "espalier"
    metersPerUnit = 1
    upAxis = "Y"
)

def Xform "asset" (
    kind = "component"
)
{
${meshes.join('\n')}
    def Scope "materials"
    {
${looks.join('\n')}
    }
}
`;
}

/** One look for each material, with and without texture coordinates, with and without vertex colours. */
function materialKey(primitives: readonly ScenePrimitive[]): (primitive: ScenePrimitive) => string {
  const order = new Map<SceneMaterial, number>();
  for (const { material } of primitives) if (!order.has(material)) order.set(material, order.size);
  return ({ material, uvs, colors }) => `${order.get(material)} ${uvs !== undefined} ${colors !== undefined}`;
}

function meshText(primitive: ScenePrimitive, i: number, look: number): string {
  const { indices, uvs, colors, material } = primitive;
  const positions = zUpToYUp(primitive.positions);
  const normals = wholeNormals(primitive);
  const flipped = uvs?.map((value, k) => (k % 2 === 0 ? value : 1 - value));
  const rgb = colors?.filter((_, k) => k % 4 !== 3);
  const [low, high] = box(positions);
  const lines = [
    `    def Mesh "mesh_${i}" (`,
    '        prepend apiSchemas = ["MaterialBindingAPI"]',
    '    )',
    '    {',
    `        uniform bool doubleSided = ${material.doubleSided ? 1 : 0}`,
    `        float3[] extent = [${tuple(low)}, ${tuple(high)}]`,
    `        int[] faceVertexCounts = [${new Array(indices.length / 3).fill(3).join(', ')}]`,
    `        int[] faceVertexIndices = [${indices.join(', ')}]`,
    `        rel material:binding = </asset/materials/material_${look}>`,
    `        point3f[] points = [${tuples(positions, 3)}]`,
  ];
  const vertexRows = (declaration: string, rows: Float32Array | undefined, width: number) => {
    if (!rows) return;
    lines.push(
      `        ${declaration} = [${tuples(rows, width)}] (`,
      '            interpolation = "vertex"',
      '        )',
    );
  };
  vertexRows('normal3f[] normals', normals && zUpToYUp(normals), 3);
  vertexRows('texCoord2f[] primvars:st', flipped, 2);
  vertexRows('color3f[] primvars:displayColor', rgb, 3);
  lines.push('        uniform token subdivisionScheme = "none"', '    }');
  return `${lines.join('\n')}\n`;
}

const tuple = (values: ArrayLike<number>) => `(${Array.from(values, floatText).join(', ')})`;

function tuples(rows: Float32Array, width: number): string {
  const out: string[] = [];
  for (let i = 0; i < rows.length; i += width) out.push(tuple(rows.subarray(i, i + width)));
  return out.join(', ');
}

function box(positions: Float32Array): [number[], number[]] {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < positions.length; i++) {
    low[i % 3] = Math.min(low[i % 3], positions[i]);
    high[i % 3] = Math.max(high[i % 3], positions[i]);
  }
  return [low, high];
}

function materialText({ material, colors }: ScenePrimitive, i: number, texture: string | undefined): string {
  const [r, g, b, opacity] = material.baseColorFactor;
  const path = `/asset/materials/material_${i}`;
  const surface: string[] = ['uniform token info:id = "UsdPreviewSurface"'];
  const readers: string[] = [];
  const shader = (name: string, lines: readonly string[]) =>
    `            def Shader "${name}"\n            {\n${lines.map((line) => `                ${line}`).join('\n')}\n            }\n`;
  const isOpaque = material.alphaMode === 'opaque';
  if (texture) {
    surface.push(`color3f inputs:diffuseColor.connect = <${path}/texture.outputs:rgb>`);
    if (!isOpaque) surface.push(`float inputs:opacity.connect = <${path}/texture.outputs:a>`);
    const { wrapU, wrapV } = material.baseColorTexture!;
    readers.push(
      shader('st', [
        'uniform token info:id = "UsdPrimvarReader_float2"',
        'string inputs:varname = "st"',
        'float2 outputs:result',
      ]),
      shader('texture', [
        'uniform token info:id = "UsdUVTexture"',
        `asset inputs:file = @${texture}@`,
        `float4 inputs:scale = ${tuple([r, g, b, isOpaque ? 1 : opacity])}`,
        'token inputs:sourceColorSpace = "sRGB"',
        `float2 inputs:st.connect = <${path}/st.outputs:result>`,
        `token inputs:wrapS = "${wrapU satisfies UsdWrap}"`,
        `token inputs:wrapT = "${wrapV satisfies UsdWrap}"`,
        'float outputs:a',
        'float3 outputs:rgb',
      ]),
    );
  } else if (colors) {
    surface.push(`color3f inputs:diffuseColor.connect = <${path}/color.outputs:result>`);
    readers.push(
      shader('color', [
        'uniform token info:id = "UsdPrimvarReader_float3"',
        'string inputs:varname = "displayColor"',
        'float3 outputs:result',
      ]),
    );
  } else surface.push(`color3f inputs:diffuseColor = ${tuple([r, g, b])}`);
  if (!isOpaque && !texture) surface.push(`float inputs:opacity = ${floatText(opacity)}`);
  if (material.alphaMode === 'mask') surface.push(`float inputs:opacityThreshold = ${floatText(material.alphaCutoff)}`);
  surface.push(
    `float inputs:metallic = ${floatText(material.metallic ?? 0)}`,
    `float inputs:roughness = ${floatText(material.roughness ?? 0.8)}`,
    'token outputs:surface',
  );
  return `        def Material "material_${i}"
        {
            token outputs:surface.connect = <${path}/surface.outputs:surface>

${shader('surface', surface)}
${readers.join('\n')}        }
`;
}
