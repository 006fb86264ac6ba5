/** Small odd glTF files, made here; what a good importer does with each. More of them: gltf-scene.test.ts. */
import { Document, type Material, type Node, type Primitive, WebIO } from '@gltf-transform/core';
import {
  ALL_EXTENSIONS,
  KHRDracoMeshCompression,
  KHRMeshQuantization,
  KHRTextureTransform,
} from '@gltf-transform/extensions';
// @ts-expect-error the package comes without types
import draco3d from 'draco3dgltf';
import { expect, test } from 'vitest';
import { writeGlbScene } from './glb.ts';
import { readGltfScene } from './gltf-scene.ts';
import { encodePng } from './picture.ts';
import { ModelError, type ReadModelOptions, type TriangleScene } from './triangle-scene.ts';

interface Made {
  readonly document: Document;
  readonly node: Node;
  readonly primitive: Primitive;
  readonly material: Material;
}

const CORNERS = [-1, 1].flatMap((x) => [-1, 1].flatMap((y) => [-1, 1].map((z) => [x / 2, y / 2, z / 2])));
const FACES = [
  0, 1, 3, 0, 3, 2, 4, 6, 7, 4, 7, 5, 0, 4, 5, 0, 5, 1, 2, 3, 7, 2, 7, 6, 0, 2, 6, 0, 6, 4, 1, 5, 7, 1, 7, 3,
];

/** A cube of edge 1 as one mesh on one node of one scene. */
function cube(): Made {
  const document = new Document();
  document.createBuffer();
  const material = document.createMaterial('plain');
  const primitive = document
    .createPrimitive()
    .setAttribute('POSITION', vec(document, 'VEC3', CORNERS.flat()))
    .setIndices(vec(document, 'SCALAR', new Uint16Array(FACES)))
    .setMaterial(material);
  const node = document.createNode('cube').setMesh(document.createMesh().addPrimitive(primitive));
  document.getRoot().setDefaultScene(document.createScene().addChild(node));
  return { document, node, primitive, material };
}

function vec(
  document: Document,
  type: 'SCALAR' | 'VEC2' | 'VEC3' | 'VEC4' | 'MAT4',
  values: readonly number[] | Uint8Array | Uint16Array | Int16Array,
) {
  const array = ArrayBuffer.isView(values) ? values : Float32Array.from(values);
  return document
    .createAccessor()
    .setType(type)
    .setArray(array as Float32Array<ArrayBuffer>)
    .setBuffer(document.getRoot().listBuffers()[0]);
}

const io = new WebIO().registerExtensions(ALL_EXTENSIONS);
async function made(change: (made: Made) => void, options?: ReadModelOptions): Promise<TriangleScene> {
  const start = cube();
  change(start);
  return readGltfScene(await io.writeBinary(start.document), options);
}

/** Count of triangles, and the box in the file's axes (y up): min x y z, max x y z. */
function measure({ primitives }: TriangleScene): { triangles: number; box: number[] } {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const { positions, indices } of primitives) {
    for (const vertex of indices) {
      const [x, y, z] = positions.subarray(vertex * 3, vertex * 3 + 3);
      for (const [c, value] of [x, z, 0 - y].entries()) {
        low[c] = Math.min(low[c], value);
        high[c] = Math.max(high[c], value);
      }
    }
  }
  const triangles = primitives.reduce((sum, { indices }) => sum + indices.length / 3, 0);
  return { triangles, box: [...low, ...high].map((value) => Number(value.toFixed(3))) };
}

/** Volume inside the triangles; below 0 where they look inwards. */
function volume({ primitives }: TriangleScene): number {
  let sum = 0;
  for (const { positions: p, indices } of primitives) {
    for (let i = 0; i < indices.length; i += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => p.subarray(indices[i + k] * 3, indices[i + k] * 3 + 3));
      sum +=
        a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
    }
  }
  return sum / 6;
}

const UNIT = [-0.5, -0.5, -0.5, 0.5, 0.5, 0.5];

test('one mesh stands wherever a node places it, a matrix among them', async () => {
  const scene = await made(({ document, node }) => {
    const mesh = node.getMesh();
    const scene = document.getRoot().getDefaultScene()!;
    scene.addChild(document.createNode().setMesh(mesh).setTranslation([3, 0, 0]));
    scene.addChild(document.createNode().setMesh(mesh).setMatrix([1, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 1, 0, 0, 4, 0, 1]));
  });
  expect(measure(scene)).toEqual({ triangles: 36, box: [-0.5, -0.5, -0.5, 3.5, 4.25, 0.5] });
});

test('the default scene is read, without one the first, and a node in no scene is not', async () => {
  const second = ({ document, node }: Made) => {
    document.createNode('stray').setMesh(node.getMesh()).setTranslation([50, 0, 0]);
    return document.createScene().addChild(document.createNode().setMesh(node.getMesh()).setTranslation([9, 0, 0]));
  };
  const chosen = await made((start) => void start.document.getRoot().setDefaultScene(second(start)));
  expect(measure(chosen).box).toEqual([8.5, -0.5, -0.5, 9.5, 0.5, 0.5]);
  const first = await made((start) => {
    second(start);
    start.document.getRoot().setDefaultScene(null);
  });
  expect(measure(first).box).toEqual(UNIT);
});

test('10 000 nested nodes multiply without a deep stack', async () => {
  const scene = await made(({ document, node }) => {
    let top = node;
    for (let i = 0; i < 10_000; i++) top = document.createNode().setTranslation([0.001, 0, 0]).addChild(top);
    document.getRoot().getDefaultScene()!.addChild(top);
  });
  expect(measure(scene).box[0]).toBeCloseTo(9.5, 2);
});

test('a mirror keeps the faces looking outwards; a scale of 0 keeps the sides and is said', async () => {
  expect(volume(await made(({ node }) => void node.setScale([-1, 2, 1])))).toBeCloseTo(2, 5);
  const flat = await made(({ node }) => void node.setScale([0, 1, 1]));
  expect(measure(flat)).toEqual({ triangles: 12, box: [0, -0.5, -0.5, 0, 0.5, 0.5] });
  expect(flat.warnings.join()).toMatch(/no thickness along x/);
  await expect(made(({ node }) => void node.setScale([0, 0, 0]))).rejects.toThrow(/at least one triangle/);
});

test('a speck far away is read and said; a cube far away is no speck', async () => {
  const speck = await made(({ document }) => {
    const primitive = document
      .createPrimitive()
      .setAttribute('POSITION', vec(document, 'VEC3', [800, 0, 0, 800.1, 0, 0, 800, 0.1, 0]));
    const node = document.createNode().setMesh(document.createMesh().addPrimitive(primitive));
    document.getRoot().getDefaultScene()!.addChild(node);
  });
  expect(measure(speck).triangles).toBe(13);
  expect(speck.warnings.join()).toMatch(/Small parts far away/);
  const far = await made(({ node }) => void node.setTranslation([1e6, -2e6, 3e6]));
  expect(far.warnings).toEqual([]);
  const tiny = await made(({ node }) => void node.setScale([1e-7, 1e-7, 1e-7]));
  expect(measure(tiny).triangles).toBe(12);
});

test('morph targets stand at their default weights', async () => {
  const scene = await made(({ document, node, primitive }) => {
    const lift = CORNERS.flatMap(([, y]) => [0, y > 0 ? 1 : 0, 0]);
    primitive.addTarget(document.createPrimitiveTarget().setAttribute('POSITION', vec(document, 'VEC3', lift)));
    node.getMesh()!.setWeights([0.5]);
  });
  expect(measure(scene).box).toEqual([-0.5, -0.5, -0.5, 0.5, 1, 0.5]);
});

test('a skin stands in the pose of its joints, wherever the node of the mesh is', async () => {
  const scene = await made(({ document, node, primitive }) => {
    const joint = document.createNode('joint').setTranslation([0, 5, 0]);
    document.getRoot().getDefaultScene()!.addChild(joint);
    primitive.setAttribute('JOINTS_0', vec(document, 'VEC4', new Uint8Array(32)));
    primitive.setAttribute(
      'WEIGHTS_0',
      vec(
        document,
        'VEC4',
        CORNERS.flatMap(() => [1, 0, 0, 0]),
      ),
    );
    const identity = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    const skin = document
      .createSkin()
      .addJoint(joint)
      .setInverseBindMatrices(vec(document, 'MAT4', identity));
    node.setSkin(skin).setTranslation([9, 9, 9]);
  });
  expect(measure(scene).box).toEqual([-0.5, 4.5, -0.5, 0.5, 5.5, 0.5]);
});

test('sparse, quantised, Draco and meshopt geometry is unpacked', async () => {
  const sparse = await made(({ document, primitive }) => {
    primitive.setAttribute('POSITION', vec(document, 'VEC3', CORNERS.flat()).setSparse(true));
  });
  expect(measure(sparse)).toEqual({ triangles: 12, box: UNIT });
  const quantised = await made(({ document, node, primitive }) => {
    document.createExtension(KHRMeshQuantization).setRequired(true);
    const shorts = Int16Array.from(CORNERS.flat(), (value) => Math.sign(value) * 32767);
    primitive.setAttribute('POSITION', vec(document, 'VEC3', shorts).setNormalized(true));
    node.setScale([0.5, 0.5, 0.5]);
  });
  expect(measure(quantised)).toEqual({ triangles: 12, box: UNIT });
  const { document } = cube();
  document.createExtension(KHRDracoMeshCompression).setRequired(true);
  const encoder = new WebIO().registerExtensions(ALL_EXTENSIONS);
  encoder.registerDependencies({ 'draco3d.encoder': await draco3d.createEncoderModule() });
  expect(measure(await readGltfScene(await encoder.writeBinary(document)))).toEqual({ triangles: 12, box: UNIT });
  const packed = await writeGlbScene(quantised, { compression: 'meshopt' });
  expect(measure(await readGltfScene(packed))).toEqual({ triangles: 12, box: UNIT });
});

const picture = await encodePng({ width: 2, height: 1, data: Uint8Array.of(255, 0, 0, 0, 0, 255) });
const decodePicture = async () => ({ width: 2, height: 1, data: Uint8Array.of(255, 0, 0, 255, 0, 0, 255, 255) });

test('texture transforms, wrapping and 8-bit vertex colours arrive', async () => {
  const scene = await made(
    ({ document, primitive, material }) => {
      primitive.setAttribute(
        'TEXCOORD_0',
        vec(
          document,
          'VEC2',
          CORNERS.flatMap(() => [1, 0]),
        ),
      );
      primitive.setAttribute('COLOR_0', vec(document, 'VEC4', new Uint8Array(32).fill(51)).setNormalized(true));
      material.setBaseColorTexture(document.createTexture().setImage(picture).setMimeType('image/png'));
      const info = material.getBaseColorTextureInfo()!.setWrapS(33648).setWrapT(33071);
      const transform = document.createExtension(KHRTextureTransform).createTransform();
      info.setExtension(
        'KHR_texture_transform',
        transform
          .setOffset([0.5, 0.25])
          .setRotation(Math.PI / 2)
          .setScale([3, 3]),
      );
    },
    { decodePicture },
  );
  const [{ uvs, colors, material }] = scene.primitives;
  expect(uvs![0]).toBeCloseTo(0.5, 6); // (3, 0) turned by a quarter: (0, −3), then moved
  expect(uvs![1]).toBeCloseTo(-2.75, 6);
  expect(colors![0]).toBeCloseTo(0.2, 6);
  expect(material.baseColorTexture).toMatchObject({ wrapU: 'mirror', wrapV: 'clamp' });
});

test('a texture of metalness and roughness counts as its average; one that cannot be read makes no metal', async () => {
  const pixels = Uint8Array.of(9, 255, 51, 255, 9, 153, 0, 255); // roughness 1 and 0.6, metalness 0.2 and 0
  const decode = async () => ({ width: 2, height: 1, data: pixels });
  const edit = ({ document, material }: Parameters<Parameters<typeof made>[0]>[0]) => {
    material.setMetallicFactor(0.5).setRoughnessFactor(0.5);
    material.setMetallicRoughnessTexture(document.createTexture().setImage(picture).setMimeType('image/png'));
  };
  const [shining, plain] = [await made(edit, { decodePicture: decode }), await made(edit, {})];
  expect(shining.primitives[0].material.metallic).toBeCloseTo(0.05, 6);
  expect(shining.primitives[0].material.roughness).toBeCloseTo(0.4, 6);
  expect(plain.primitives[0].material).toMatchObject({ metallic: 0, roughness: 0.5 });
});

test('a picture that cannot be decoded costs the texture, not the shape', async () => {
  const broken = async () => {
    throw new Error('cut off');
  };
  const change = ({ document, primitive, material }: Made) => {
    primitive.setAttribute(
      'TEXCOORD_0',
      vec(
        document,
        'VEC2',
        CORNERS.flatMap(() => [0, 0]),
      ),
    );
    material.setBaseColorTexture(document.createTexture().setImage(picture).setMimeType('image/png'));
  };
  for (const decoder of [broken, undefined]) {
    const scene = await made(change, { decodePicture: decoder });
    expect(measure(scene).triangles).toBe(12);
    expect(scene.warnings.join()).toMatch(/A plain colour is used/);
  }
});

test('normals of zeros stay zeros for whoever shades, and a missing material is neutral', async () => {
  const scene = await made(({ document, primitive }) => {
    primitive.setAttribute('NORMAL', vec(document, 'VEC3', new Array(24).fill(0))).setMaterial(null);
  });
  expect(scene.primitives[0].normals).toEqual(new Float32Array(24));
  expect(scene.primitives[0].material.baseColorFactor).toEqual([0.8, 0.8, 0.8, 1]);
});

test('the restart value among 16-bit indices drops its triangle; too many vertices for 16 bits are said', async () => {
  const restart = await made(({ document, primitive }) => {
    primitive.setIndices(vec(document, 'SCALAR', Uint16Array.of(...FACES, 0, 1, 65535)));
  });
  expect(measure(restart).triangles).toBe(12);
  expect(restart.warnings.join()).toMatch(/1 triangles name vertices beyond 8/);
  const torn = await made(({ document, primitive }) => {
    primitive.setAttribute('POSITION', vec(document, 'VEC3', [...CORNERS.flat(), ...new Array(3 * 70_000).fill(0)]));
  });
  expect(torn.warnings.join()).toMatch(/16-bit indices cannot reach all/);
});

test('a chunk of unknown type is passed over', async () => {
  const bytes = await io.writeBinary(cube().document);
  const longer = new Uint8Array([...bytes, 4, 0, 0, 0, 0x58, 0x58, 0x58, 0x58, 1, 2, 3, 4]);
  new DataView(longer.buffer).setUint32(8, longer.length, true);
  expect(measure(await readGltfScene(longer)).triangles).toBe(12);
});

/** The cube as .gltf text; its buffer and a picture under the given uris. */
async function text(bufferUri?: string, imageUri?: string): Promise<{ bytes: Uint8Array; buffer: Uint8Array }> {
  const { document } = cube();
  const { json, resources } = await io.writeJSON(document);
  const buffer = Object.values(resources)[0];
  json.buffers![0].uri = bufferUri ?? `data:application/octet-stream;base64,${Buffer.from(buffer).toString('base64')}`;
  if (imageUri) {
    json.images = [{ uri: imageUri }];
    json.textures = [{ source: 0 }];
    json.materials![0].pbrMetallicRoughness = { baseColorTexture: { index: 0 } };
  }
  return { bytes: new TextEncoder().encode(JSON.stringify(json)), buffer };
}

test('.gltf text is read with data inside it or beside it, by the decoded name', async () => {
  expect(measure(await readGltfScene((await text()).bytes))).toEqual({ triangles: 12, box: UNIT });
  const { bytes, buffer } = await text('my%20cube.bin');
  const asked: string[] = [];
  const loadResource = async (path: string) => {
    asked.push(path);
    return buffer;
  };
  expect(measure(await readGltfScene(bytes, { loadResource })).triangles).toBe(12);
  expect(asked).toEqual(['my cube.bin']);
});

test.each([
  ['../../etc/passwd', /leaves the folder/],
  ['..%2F..%2Fsecret.png', /leaves the folder/],
  ['/etc/passwd', /leaves the folder/],
  ['a\\..\\..\\b.png', /leaves the folder/],
  ['http://example.com/a.png', /only files beside/],
  ['file:///etc/passwd', /only files beside/],
  ['//example.com/a.png', /only files beside/],
  ['C:\\a.png', /leaves the folder/],
  ['%E0%A4%A', /malformed/],
])('a file at %s is never asked for: a picture is a warning, a buffer an error', async (uri, message) => {
  const loadResource = async (): Promise<Uint8Array> => {
    throw new Error('asked');
  };
  const scene = await readGltfScene((await text(undefined, uri)).bytes, { loadResource });
  expect(measure(scene).triangles).toBe(12);
  expect(scene.warnings.join()).toMatch(message);
  await expect(readGltfScene((await text(uri)).bytes, { loadResource })).rejects.toThrow(message);
});

test('a buffer that is not there is named', async () => {
  const loadResource = async (): Promise<Uint8Array> => {
    throw new Error('no such file');
  };
  await expect(readGltfScene((await text('cube.bin')).bytes, { loadResource })).rejects.toThrow(
    /"cube\.bin".*no such file/,
  );
  await expect(readGltfScene((await text('cube.bin')).bytes)).rejects.toThrow(/self-contained GLB/);
});

test('a mesh placed by too many nodes is refused before it is copied', async () => {
  const build = made(({ document, node, primitive }) => {
    primitive.setAttribute('POSITION', vec(document, 'VEC3', new Array(3 * 200_000).fill(0)));
    for (let i = 0; i < 300; i++)
      document.getRoot().getDefaultScene()!.addChild(document.createNode().setMesh(node.getMesh()));
  });
  await expect(build).rejects.toThrow(/once every mesh stands at its place/);
});

test('JSON of the wrong shape is refused with the place where it is wrong', async () => {
  const json = (value: object) => new TextEncoder().encode(JSON.stringify({ asset: { version: '2.0' }, ...value }));
  for (const [value, message] of [
    [{ nodes: {} }, /wrong at nodes/],
    [{ buffers: [{ byteLength: -1 }] }, /wrong at buffers\.0\.byteLength/],
    [{ accessors: [{ count: 'many', componentType: 5126, type: 'VEC3' }] }, /wrong at accessors\.0\.count/],
    [{ accessors: [{ count: 1, componentType: 1, type: 'VEC3' }] }, /componentType 1/],
    [{ accessors: [{ count: 1, componentType: 5126, type: 'constructor' }] }, /type constructor/],
    [
      {
        bufferViews: [
          {
            buffer: 0,
            byteLength: 4,
            extensions: { EXT_meshopt_compression: { buffer: 0, byteLength: 1, byteStride: 256, count: 1e9 } },
          },
        ],
        buffers: [{ byteLength: 4, uri: 'data:,abcd' }],
      },
      /unpack to 256000000000 bytes/,
    ],
  ] as const) {
    await expect(readGltfScene(json(value))).rejects.toThrow(message);
    await expect(readGltfScene(json(value))).rejects.toBeInstanceOf(ModelError);
  }
});
