/**
 * glTF 2.0 bytes → triangles in world space, as the renderer and the voxeliser need them.
 *
 * Axes: glTF is y-up, Espalier is z-up: (x, y, z) → (x, −z, y). Skins stand in the pose of the file's nodes, morph
 * targets at their default weights. Nothing here touches files: buffers and pictures beside the model come in through
 * `loadResource`, pictures are decoded by `decodePicture`.
 */

import type { Material, Texture, TextureInfo } from '@gltf-transform/core';
import { type Accessor, type Document, type Mesh, type Node, type Primitive, WebIO } from '@gltf-transform/core';
import type { PBRSpecularGlossiness, Transform } from '@gltf-transform/extensions';
import { ALL_EXTENSIONS } from '@gltf-transform/extensions';

/** 8-bit RGBA, straight alpha, sRGB, first row on top: data [height · width · 4]. */
export interface RgbaPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export type Wrap = 'repeat' | 'mirror' | 'clamp';

export interface SceneTexture extends RgbaPicture {
  readonly wrapU: Wrap;
  readonly wrapV: Wrap;
}

export interface SceneMaterial {
  readonly name: string;
  readonly baseColorFactor: readonly [number, number, number, number]; // linear RGBA
  readonly baseColorTexture?: SceneTexture;
  readonly alphaMode: 'opaque' | 'mask' | 'blend';
  readonly alphaCutoff: number; // only for 'mask'
  readonly doubleSided: boolean;
  readonly unlit: boolean;
}

export interface ScenePrimitive {
  readonly positions: Float32Array; // [V, 3], world, z-up
  readonly normals?: Float32Array; // [V, 3], unit or zero; absent: shade flat
  readonly uvs?: Float32Array; // [V, 2], texture transform applied, v down
  readonly colors?: Float32Array; // [V, 4], linear RGBA, multiplied with the base colour
  readonly indices: Uint32Array; // [F, 3], all < V
  readonly material: SceneMaterial;
}

export interface TriangleScene {
  readonly primitives: readonly ScenePrimitive[];
  /** What was repaired or left out, in words. */
  readonly warnings: readonly string[];
}

export interface ReadGltfOptions {
  /** Bytes of a file beside the model, by its decoded relative path. Absent: only self-contained models are read. */
  loadResource?: (path: string) => Promise<Uint8Array>;
  /** Decoder of PNG, JPEG and WebP. Absent: textures are left out with a warning. */
  decodePicture?: (bytes: Uint8Array) => Promise<RgbaPicture>;
}

/** The model cannot be used; the message says where, what was expected, what came, and how to mend it. */
export class ModelError extends Error {
  override name = 'ModelError';
}

const MAX_ELEMENTS = 50_000_000; // vertices or indices of one accessor; 600 MB of positions is no asset, it is an attack
const MAX_NODES = 200_000;

/**
 * @param bytes  a GLB, or the JSON of a .gltf
 * @throws ModelError when the bytes are no usable glTF, or hold no triangle
 */
export async function readGltfScene(bytes: Uint8Array, options: ReadGltfOptions = {}): Promise<TriangleScene> {
  const warnings: string[] = [];
  const { json, binary } = parseContainer(bytes);
  checkVersion(json);
  const resources = await resolveBuffers(json, binary, options);
  await resolveImages(json, resources, options, warnings);
  checkAccessors(json, resources);
  checkNodes(json);
  const document = await parseDocument(json, resources);
  const primitives = await collectPrimitives(document, options, warnings);
  if (primitives.length === 0) {
    throw new ModelError(
      'glTF: expected at least one triangle with an area, got none. Lines, points and empty scenes have no surface; export a mesh.',
    );
  }
  return { primitives, warnings };
}

// ---------------------------------------------------------------------------------------------------- container

// The parts of the JSON that are checked before gltf-transform sees it.
interface GltfJson {
  asset?: { version?: string; minVersion?: string };
  extensionsRequired?: string[];
  extensionsUsed?: string[];
  scene?: number;
  scenes?: { nodes?: number[] }[];
  nodes?: { children?: number[]; mesh?: number; skin?: number }[];
  buffers?: { uri?: string; byteLength: number; extensions?: Record<string, unknown> }[];
  bufferViews?: {
    buffer: number;
    byteOffset?: number;
    byteLength: number;
    byteStride?: number;
    extensions?: Record<string, unknown>;
  }[];
  accessors?: {
    bufferView?: number;
    byteOffset?: number;
    count: number;
    componentType: number;
    type: string;
    sparse?: {
      count: number;
      indices: { bufferView: number; byteOffset?: number; componentType: number };
      values: { bufferView: number; byteOffset?: number };
    };
  }[];
  images?: { uri?: string; bufferView?: number; mimeType?: string; name?: string }[];
}

function parseContainer(bytes: Uint8Array): { json: GltfJson; binary?: Uint8Array } {
  if (bytes.length === 0) throw new ModelError('glTF: the file is empty (0 bytes). Export the model again.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let first = 0;
  while (first < bytes.length && (bytes[first] <= 32 || bytes[first] >= 0xef)) first++; // white space and byte order mark
  if (bytes[first] === 0x7b) return { json: parseJson(bytes) };
  if (bytes.length < 20 || view.getUint32(0, true) !== 0x46546c67) {
    const start = Buffer.from(bytes.subarray(0, 12))
      .toString('latin1')
      .replace(/[^\x20-\x7e]/g, '.');
    throw new ModelError(
      `glTF: expected a GLB (first bytes "glTF") or a .gltf JSON, got ${bytes.length} bytes that begin with "${start}". Choose a .glb or .gltf file.`,
    );
  }
  const version = view.getUint32(4, true);
  if (version !== 2)
    throw new ModelError(`glTF: expected GLB container version 2, got ${version}. Convert it to glTF 2.0.`);
  const total = view.getUint32(8, true);
  if (total > bytes.length) {
    throw new ModelError(
      `glTF: the GLB header promises ${total} bytes, the file holds ${bytes.length}. It was cut off; copy or download it again.`,
    );
  }
  let json: GltfJson | undefined;
  let binary: Uint8Array | undefined;
  for (let at = 12; at + 8 <= total; ) {
    const length = view.getUint32(at, true);
    const type = view.getUint32(at + 4, true);
    if (at + 8 + length > total) {
      throw new ModelError(
        `glTF: the GLB chunk at byte ${at} promises ${length} bytes, ${total - at - 8} remain. Export the model again.`,
      );
    }
    const chunk = bytes.subarray(at + 8, at + 8 + length);
    if (type === 0x4e4f534a && !json) json = parseJson(chunk);
    else if (type === 0x004e4942 && !binary) binary = chunk;
    at += 8 + length + ((4 - (length % 4)) % 4);
  }
  if (!json) throw new ModelError('glTF: expected a JSON chunk in the GLB, got none. Export the model again.');
  return { json, binary };
}

function parseJson(bytes: Uint8Array): GltfJson {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes).replace(/^\ufeff/, ''));
  } catch (cause) {
    throw new ModelError(`glTF: the JSON cannot be parsed: ${(cause as Error).message}. Export the model again.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ModelError('glTF: expected a JSON object at the top level. Choose a glTF file.');
  }
  return value as GltfJson;
}

function checkVersion(json: GltfJson): void {
  const wanted = json.asset?.minVersion ?? json.asset?.version;
  if (!wanted || !/^2\./.test(wanted)) {
    throw new ModelError(`glTF: expected asset.version 2.x, got ${wanted ?? 'none'}. Convert the model to glTF 2.0.`);
  }
  const known = new Set<string>(ALL_EXTENSIONS.map((extension) => extension.EXTENSION_NAME));
  const unknown = (json.extensionsRequired ?? []).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new ModelError(
      `glTF: the model requires ${unknown.join(', ')}, which is not supported. Export it without that extension.`,
    );
  }
}

// ---------------------------------------------------------------------------------------------------- resources

type Resources = Record<string, Uint8Array<ArrayBuffer>>;

// gltf-transform wants arrays over plain ArrayBuffers, at an aligned start.
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

/** Gives every buffer a name of our own, so that no path of the file reaches a loader unchecked. */
async function resolveBuffers(
  json: GltfJson,
  binary: Uint8Array | undefined,
  options: ReadGltfOptions,
): Promise<Resources> {
  const resources: Resources = {};
  for (const [i, buffer] of (json.buffers ?? []).entries()) {
    const isFallback = Object.values(buffer.extensions ?? {}).some((e) => (e as { fallback?: boolean }).fallback);
    let bytes: Uint8Array;
    if (buffer.uri !== undefined) bytes = await loadUri(`buffers[${i}]`, buffer.uri, options);
    else if (i === 0 && binary) bytes = binary;
    else if (isFallback) continue;
    else throw new ModelError(`glTF: buffers[${i}] has neither a uri nor a GLB chunk. Export the model again.`);
    if (!(buffer.byteLength <= bytes.length)) {
      throw new ModelError(
        `glTF: buffers[${i}] promises ${buffer.byteLength} bytes, ${bytes.length} came. The file is cut off; export it again.`,
      );
    }
    buffer.uri = `buffer-${i}`;
    resources[buffer.uri] = own(bytes);
  }
  return resources;
}

/** A picture that cannot be had costs the model its texture, not its life. */
async function resolveImages(
  json: GltfJson,
  resources: Resources,
  options: ReadGltfOptions,
  warnings: string[],
): Promise<void> {
  for (const [i, image] of (json.images ?? []).entries()) {
    if (image.uri === undefined) continue;
    let bytes: Uint8Array = new Uint8Array(0);
    try {
      bytes = await loadUri(`images[${i}]`, image.uri, options);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      warnings.push(`${error.message} A plain colour is used.`);
    }
    image.uri = `image-${i}.png`;
    resources[image.uri] = own(bytes);
  }
}

async function loadUri(where: string, uri: string, options: ReadGltfOptions): Promise<Uint8Array> {
  const data = /^data:[^,]*?(;base64)?,/.exec(uri);
  if (data) {
    const body = uri.slice(data[0].length);
    return data[1] ? Buffer.from(body, 'base64') : Buffer.from(decodeURIComponent(body), 'latin1');
  }
  const shown = uri.length > 80 ? `${uri.slice(0, 80)}…` : uri;
  let path: string;
  try {
    path = decodeURIComponent(uri);
  } catch {
    throw new ModelError(`glTF: ${where} has a malformed uri "${shown}". Export the model as GLB.`);
  }
  if (/^[a-z][a-z0-9+.-]*:/i.test(path) || path.startsWith('//')) {
    throw new ModelError(
      `glTF: ${where} points at "${shown}"; only files beside the model are read. Export it as GLB.`,
    );
  }
  if (path.startsWith('/') || path.includes('\\') || path.includes('\0') || path.split('/').includes('..')) {
    throw new ModelError(
      `glTF: ${where} points at "${shown}", which leaves the folder of the model. Put the file beside it, or export as GLB.`,
    );
  }
  if (!options.loadResource) {
    throw new ModelError(
      `glTF: ${where} needs the file "${shown}" beside the model. Export it as a self-contained GLB.`,
    );
  }
  try {
    return await options.loadResource(path);
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    throw new ModelError(
      `glTF: ${where} needs the file "${shown}", which cannot be read (${(cause as Error).message}). Put it beside the model.`,
    );
  }
}

// ---------------------------------------------------------------------------------------------------- checks

const COMPONENT_BYTES: Record<number, number> = { 5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4 };
const TYPE_COMPONENTS: Record<string, number> = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT2: 4, MAT3: 9, MAT4: 16 };

/** Refuses any range that leaves its buffer, before anything is allocated for it. */
function checkAccessors(json: GltfJson, resources: Resources): void {
  const views = json.bufferViews ?? [];
  const isCompressed = (v: (typeof views)[number]) =>
    v.extensions !== undefined && Object.keys(v.extensions).length > 0;
  for (const [i, view] of views.entries()) {
    const buffer = json.buffers?.[view.buffer];
    const length = buffer?.uri ? resources[buffer.uri]?.length : buffer?.byteLength;
    const end = (view.byteOffset ?? 0) + view.byteLength;
    if (length === undefined || !((view.byteOffset ?? 0) >= 0) || !(view.byteLength >= 0) || end > length) {
      throw new ModelError(
        `glTF: bufferViews[${i}] needs bytes up to ${end} of buffer ${view.buffer}, which holds ${length ?? 'nothing'}. Export the model again.`,
      );
    }
  }
  const range = (where: string, viewIndex: number, offset: number, count: number, elementBytes: number) => {
    const view = views[viewIndex];
    if (!view)
      throw new ModelError(`glTF: ${where} names bufferView ${viewIndex}, there are ${views.length}. Export it again.`);
    if (isCompressed(view)) return;
    const end = offset + (count > 0 ? (count - 1) * (view.byteStride ?? elementBytes) + elementBytes : 0);
    if (!(offset >= 0) || end > view.byteLength) {
      throw new ModelError(
        `glTF: ${where} needs ${end} bytes of bufferView ${viewIndex}, which holds ${view.byteLength}. Export the model again.`,
      );
    }
  };
  for (const [i, accessor] of (json.accessors ?? []).entries()) {
    const where = `accessors[${i}]`;
    const component = COMPONENT_BYTES[accessor.componentType];
    const components = TYPE_COMPONENTS[accessor.type];
    if (!component || !components || !Number.isInteger(accessor.count) || accessor.count < 0) {
      throw new ModelError(
        `glTF: ${where} has componentType ${accessor.componentType}, type ${accessor.type}, count ${accessor.count}. Export the model again.`,
      );
    }
    if (accessor.count > MAX_ELEMENTS) {
      throw new ModelError(
        `glTF: ${where} claims ${accessor.count} elements, at most ${MAX_ELEMENTS} are read. Simplify the model.`,
      );
    }
    if (accessor.bufferView !== undefined) {
      range(where, accessor.bufferView, accessor.byteOffset ?? 0, accessor.count, component * components);
    }
    const { sparse } = accessor;
    if (sparse) {
      if (!(sparse.count <= accessor.count)) {
        throw new ModelError(`glTF: ${where} has ${sparse.count} sparse values of ${accessor.count}. Export it again.`);
      }
      const indexBytes = COMPONENT_BYTES[sparse.indices.componentType] ?? 4;
      range(
        `${where}.sparse.indices`,
        sparse.indices.bufferView,
        sparse.indices.byteOffset ?? 0,
        sparse.count,
        indexBytes,
      );
      range(
        `${where}.sparse.values`,
        sparse.values.bufferView,
        sparse.values.byteOffset ?? 0,
        sparse.count,
        component * components,
      );
    }
  }
  for (const [i, image] of (json.images ?? []).entries()) {
    if (image.bufferView !== undefined) range(`images[${i}]`, image.bufferView, 0, 0, 1);
  }
}

/** Every node has at most one parent and no node is its own ancestor. */
function checkNodes(json: GltfJson): void {
  const nodes = json.nodes ?? [];
  if (nodes.length > MAX_NODES) {
    throw new ModelError(`glTF: ${nodes.length} nodes, at most ${MAX_NODES} are read. Merge the nodes of the model.`);
  }
  const parent = new Int32Array(nodes.length).fill(-1);
  for (const [i, node] of nodes.entries()) {
    for (const child of node.children ?? []) {
      if (!nodes[child])
        throw new ModelError(`glTF: nodes[${i}] has the child ${child}, there are ${nodes.length} nodes.`);
      if (parent[child] >= 0) {
        throw new ModelError(
          `glTF: nodes[${child}] has two parents, ${parent[child]} and ${i}. Export the model again.`,
        );
      }
      parent[child] = i;
    }
  }
  const state = new Uint8Array(nodes.length); // 0 unseen, 1 on this walk, 2 reaches a root
  for (let i = 0; i < nodes.length; i++) {
    const walk: number[] = [];
    let n = i;
    while (n >= 0 && state[n] === 0) {
      state[n] = 1;
      walk.push(n);
      n = parent[n];
    }
    if (n >= 0 && state[n] === 1) {
      throw new ModelError(`glTF: nodes[${n}] is its own ancestor. Export the model again.`);
    }
    for (const seen of walk) state[seen] = 2;
  }
}

async function parseDocument(json: GltfJson, resources: Resources): Promise<Document> {
  const io = new WebIO().registerExtensions(ALL_EXTENSIONS);
  const used = new Set([...(json.extensionsUsed ?? []), ...(json.extensionsRequired ?? [])]);
  try {
    if (used.has('KHR_draco_mesh_compression')) {
      // @ts-expect-error: the package has no types
      const draco = (await import('draco3dgltf')).default;
      io.registerDependencies({ 'draco3d.decoder': await draco.createDecoderModule() });
    }
    if ([...used].some((name) => name.includes('meshopt'))) {
      const { MeshoptDecoder } = await import('meshoptimizer');
      await MeshoptDecoder.ready;
      io.registerDependencies({ 'meshopt.decoder': MeshoptDecoder });
    }
    io.setLogger({ debug() {}, info() {}, warn() {}, error() {} });
    return await io.readJSON({ json: json as never, resources });
  } catch (cause) {
    throw new ModelError(`glTF: the model cannot be read: ${(cause as Error).message}. Export it again.`);
  }
}

// ---------------------------------------------------------------------------------------------------- triangles

type Mat4 = Float64Array; // column-major, as in glTF

async function collectPrimitives(
  document: Document,
  options: ReadGltfOptions,
  warnings: string[],
): Promise<ScenePrimitive[]> {
  const root = document.getRoot();
  const scene = root.getDefaultScene() ?? root.listScenes()[0];
  const roots = scene ? scene.listChildren() : root.listNodes().filter((node) => !node.getParentNode());
  const world = worldMatrices(root.listNodes());
  const materials = new Map<Material | null, SceneMaterial>();
  const primitives: ScenePrimitive[] = [];
  const stack = [...roots].reverse();
  while (stack.length > 0) {
    const node = stack.pop()!;
    stack.push(...node.listChildren().reverse());
    const mesh = node.getMesh();
    if (!mesh) continue;
    const skin = node.getSkin();
    const joints = skin && jointMatrices(skin.listJoints(), skin.getInverseBindMatrices(), world);
    for (const primitive of mesh.listPrimitives()) {
      const source = primitive.getMaterial();
      let material = materials.get(source);
      if (!material) {
        material = await readMaterial(source, options, warnings);
        materials.set(source, material);
      }
      const read = readPrimitive(primitive, node, mesh, joints, world.get(node)!, material, warnings);
      if (read) primitives.push(read);
    }
  }
  return primitives;
}

/** World matrix of every node, without recursion: a chain of 20 000 nodes must not end the process. */
function worldMatrices(nodes: Node[]): Map<Node, Mat4> {
  const world = new Map<Node, Mat4>();
  for (const node of nodes) {
    const chain: Node[] = [];
    let at: Node | null = node;
    while (at && !world.has(at)) {
      chain.push(at);
      at = at.getParentNode();
    }
    for (const link of chain.reverse()) {
      const parent = link.getParentNode();
      const local = Float64Array.from(link.getMatrix());
      world.set(link, parent ? multiply(world.get(parent)!, local) : local);
    }
  }
  return world;
}

function jointMatrices(joints: Node[], inverseBind: Accessor | null, world: Map<Node, Mat4>): Mat4[] {
  return joints.map((joint, i) => {
    const bind = inverseBind?.getElement(i, new Array(16).fill(0));
    return bind ? multiply(world.get(joint)!, Float64Array.from(bind)) : world.get(joint)!;
  });
}

function readPrimitive(
  primitive: Primitive,
  node: Node,
  mesh: Mesh,
  joints: Mat4[] | null,
  world: Mat4,
  material: SceneMaterial,
  warnings: string[],
): ScenePrimitive | undefined {
  const where = `mesh "${mesh.getName()}"`;
  const position = primitive.getAttribute('POSITION');
  const mode = primitive.getMode();
  if (!position || mode < 4) return undefined; // points and lines have no surface
  const count = position.getCount();
  const local = Float64Array.from(readFloats(position, 3));
  const normalSource = primitive.getAttribute('NORMAL');
  const localNormals = normalSource?.getCount() === count ? readFloats(normalSource, 3) : undefined;

  const weights = node.getWeights().length > 0 ? node.getWeights() : mesh.getWeights();
  for (const [t, target] of primitive.listTargets().entries()) {
    const weight = weights[t] ?? 0;
    const delta = target.getAttribute('POSITION');
    if (weight === 0 || delta?.getCount() !== count) continue;
    const values = readFloats(delta, 3);
    for (let i = 0; i < local.length; i++) local[i] += weight * values[i];
  }

  const skinned = joints ? skinMatrices(primitive, joints, count) : undefined;
  const positions = new Float32Array(count * 3);
  const normals = localNormals && new Float32Array(count * 3);
  for (let v = 0; v < count; v++) {
    const m = skinned ? skinned(v) : world;
    const [x, y, z] = [local[3 * v], local[3 * v + 1], local[3 * v + 2]];
    positions[3 * v] = m[0] * x + m[4] * y + m[8] * z + m[12];
    positions[3 * v + 1] = -(m[2] * x + m[6] * y + m[10] * z + m[14]);
    positions[3 * v + 2] = m[1] * x + m[5] * y + m[9] * z + m[13];
    if (normals && localNormals) transformNormal(m, localNormals, normals, v);
  }

  const listed = triangleList(primitive.getIndices()?.getArray() ?? null, count, mode);
  const indices = usableTriangles(listed, positions, warnings, where);
  if (indices.length === 0) return undefined;
  const isMirrored = !joints && determinant3(world) < 0;
  if (isMirrored)
    for (let i = 0; i < indices.length; i += 3) [indices[i], indices[i + 1]] = [indices[i + 1], indices[i]];

  return {
    positions,
    normals,
    uvs: material.baseColorTexture ? readUvs(primitive, count) : undefined,
    colors: readColors(primitive.getAttribute('COLOR_0'), count),
    indices,
    material,
  };
}

/** Plain numbers of an accessor [count, width]; normalised integers become fractions. */
function readFloats(accessor: Accessor, width: number): Float32Array {
  const array = accessor.getArray();
  const size = accessor.getElementSize();
  if (array instanceof Float32Array && size === width) return array;
  const count = accessor.getCount();
  const out = new Float32Array(count * width);
  const element: number[] = new Array(size).fill(0);
  for (let i = 0; i < count; i++) {
    accessor.getElement(i, element);
    for (let c = 0; c < width; c++) out[i * width + c] = c < size ? element[c] : 1;
  }
  return out;
}

function triangleList(source: ArrayLike<number> | null, vertexCount: number, mode: number): Uint32Array {
  const n = source ? source.length : vertexCount;
  const at = (i: number) => (source ? source[i] : i);
  if (mode === 4) return Uint32Array.from({ length: n - (n % 3) }, (_, i) => at(i));
  const out: number[] = [];
  for (let i = 2; i < n; i++) {
    if (mode === 6)
      out.push(at(0), at(i - 1), at(i)); // fan
    else if (i % 2 === 0)
      out.push(at(i - 2), at(i - 1), at(i)); // strip
    else out.push(at(i - 1), at(i - 2), at(i));
  }
  return Uint32Array.from(out);
}

/** Drops triangles that name missing or non-finite vertices (with a warning) and those without area. */
function usableTriangles(list: Uint32Array, p: Float32Array, warnings: string[], where: string): Uint32Array {
  const count = p.length / 3;
  const out = new Uint32Array(list.length);
  let kept = 0;
  let missing = 0;
  let infinite = 0;
  for (let i = 0; i < list.length; i += 3) {
    const a = list[i];
    const b = list[i + 1];
    const c = list[i + 2];
    if (a >= count || b >= count || c >= count) {
      missing++;
      continue;
    }
    const ux = p[3 * b] - p[3 * a];
    const uy = p[3 * b + 1] - p[3 * a + 1];
    const uz = p[3 * b + 2] - p[3 * a + 2];
    const vx = p[3 * c] - p[3 * a];
    const vy = p[3 * c + 1] - p[3 * a + 1];
    const vz = p[3 * c + 2] - p[3 * a + 2];
    if (!Number.isFinite(ux + uy + uz + vx + vy + vz)) {
      infinite++;
      continue;
    }
    if (uy * vz - uz * vy === 0 && uz * vx - ux * vz === 0 && ux * vy - uy * vx === 0) continue;
    out[kept++] = a;
    out[kept++] = b;
    out[kept++] = c;
  }
  if (missing > 0) warnings.push(`glTF: ${where}: ${missing} triangles name vertices beyond ${count}; left out.`);
  if (infinite > 0) warnings.push(`glTF: ${where}: ${infinite} triangles have vertices that are not finite; left out.`);
  return out.slice(0, kept);
}

function skinMatrices(primitive: Primitive, joints: Mat4[], count: number): ((vertex: number) => Mat4) | undefined {
  const sets: { joints: Accessor; weights: Accessor }[] = [];
  for (let s = 0; ; s++) {
    const j = primitive.getAttribute(`JOINTS_${s}`);
    const w = primitive.getAttribute(`WEIGHTS_${s}`);
    if (!j || !w || j.getCount() !== count || w.getCount() !== count) break;
    sets.push({ joints: j, weights: w });
  }
  if (sets.length === 0) return undefined;
  const out = new Float64Array(16);
  const index = [0, 0, 0, 0];
  const weight = [0, 0, 0, 0];
  return (vertex) => {
    out.fill(0);
    let total = 0;
    for (const set of sets) {
      set.joints.getElement(vertex, index);
      set.weights.getElement(vertex, weight);
      for (let k = 0; k < 4; k++) {
        const joint = joints[index[k]];
        if (!joint || !(weight[k] > 0)) continue;
        total += weight[k];
        for (let e = 0; e < 16; e++) out[e] += weight[k] * joint[e];
      }
    }
    if (total > 0) for (let e = 0; e < 16; e++) out[e] /= total;
    else out[0] = out[5] = out[10] = out[15] = 1;
    return out;
  };
}

function readUvs(primitive: Primitive, count: number): Float32Array | undefined {
  const material = primitive.getMaterial();
  const source = material && baseColor(material);
  const info = source?.info;
  const transform = info?.getExtension<Transform>('KHR_texture_transform');
  const set = transform?.getTexCoord() ?? info?.getTexCoord() ?? 0;
  const accessor = primitive.getAttribute(`TEXCOORD_${set}`);
  if (accessor?.getCount() !== count) return undefined;
  const uvs = Float32Array.from(readFloats(accessor, 2));
  if (transform) {
    const [ox, oy] = transform.getOffset();
    const [sx, sy] = transform.getScale();
    const cos = Math.cos(transform.getRotation());
    const sin = Math.sin(transform.getRotation());
    for (let i = 0; i < uvs.length; i += 2) {
      const u = uvs[i] * sx;
      const v = uvs[i + 1] * sy;
      uvs[i] = cos * u + sin * v + ox;
      uvs[i + 1] = -sin * u + cos * v + oy;
    }
  }
  return uvs;
}

function readColors(accessor: Accessor | null, count: number): Float32Array | undefined {
  return accessor?.getCount() === count ? readFloats(accessor, 4) : undefined; // missing alpha reads as 1
}

// ---------------------------------------------------------------------------------------------------- material

const NEUTRAL: SceneMaterial = {
  name: 'neutral',
  baseColorFactor: [0.8, 0.8, 0.8, 1],
  alphaMode: 'opaque',
  alphaCutoff: 0.5,
  doubleSided: true,
  unlit: false,
};

const WRAPS: Record<number, Wrap> = { 10497: 'repeat', 33648: 'mirror', 33071: 'clamp' };

async function readMaterial(
  material: Material | null,
  options: ReadGltfOptions,
  warnings: string[],
): Promise<SceneMaterial> {
  if (!material) return NEUTRAL;
  const { factor, texture, info } = baseColor(material);
  return {
    name: material.getName(),
    baseColorFactor: factor,
    baseColorTexture: texture && info ? await readTexture(material, texture, info, options, warnings) : undefined,
    alphaMode: material.getAlphaMode().toLowerCase() as SceneMaterial['alphaMode'],
    alphaCutoff: material.getAlphaCutoff(),
    doubleSided: material.getDoubleSided(),
    unlit: material.getExtension('KHR_materials_unlit') !== null,
  };
}

function baseColor(material: Material): {
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

async function readTexture(
  material: Material,
  texture: Texture,
  info: TextureInfo,
  options: ReadGltfOptions,
  warnings: string[],
): Promise<SceneTexture | undefined> {
  const bytes = texture.getImage();
  if (!bytes || bytes.length === 0) return undefined; // said when the picture was looked for
  if (!options.decodePicture) {
    warnings.push(`glTF: material "${material.getName()}": no picture decoder was given. A plain colour is used.`);
    return undefined;
  }
  try {
    const picture = await options.decodePicture(bytes);
    return { ...picture, wrapU: WRAPS[info.getWrapS()] ?? 'repeat', wrapV: WRAPS[info.getWrapT()] ?? 'repeat' };
  } catch (cause) {
    const reason = (cause as Error).message;
    warnings.push(
      `glTF: material "${material.getName()}": the texture cannot be read (${reason}). A plain colour is used.`,
    );
    return undefined;
  }
}

// ---------------------------------------------------------------------------------------------------- matrices

function multiply(a: Mat4, b: Mat4): Mat4 {
  const out = new Float64Array(16);
  for (let c = 0; c < 4; c++) {
    for (let r = 0; r < 4; r++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += a[k * 4 + r] * b[c * 4 + k];
      out[c * 4 + r] = sum;
    }
  }
  return out;
}

const determinant3 = (m: Mat4): number =>
  m[0] * (m[5] * m[10] - m[6] * m[9]) - m[4] * (m[1] * m[10] - m[2] * m[9]) + m[8] * (m[1] * m[6] - m[2] * m[5]);

/** n' = cofactor(M)·n, turned to z-up and normalised; the cofactors exist where the inverse does not (a scale of 0). */
function transformNormal(m: Mat4, src: Float32Array, dst: Float32Array, v: number): void {
  const x = src[3 * v];
  const y = src[3 * v + 1];
  const z = src[3 * v + 2];
  const sign = determinant3(m) < 0 ? -1 : 1;
  const nx = (m[5] * m[10] - m[6] * m[9]) * x + (m[2] * m[9] - m[1] * m[10]) * y + (m[1] * m[6] - m[2] * m[5]) * z;
  const ny = (m[6] * m[8] - m[4] * m[10]) * x + (m[0] * m[10] - m[2] * m[8]) * y + (m[2] * m[4] - m[0] * m[6]) * z;
  const nz = (m[4] * m[9] - m[5] * m[8]) * x + (m[1] * m[8] - m[0] * m[9]) * y + (m[0] * m[5] - m[1] * m[4]) * z;
  const length = Math.hypot(nx, ny, nz);
  if (!(length > 0)) return;
  dst[3 * v] = (sign * nx) / length;
  dst[3 * v + 1] = (-sign * nz) / length;
  dst[3 * v + 2] = (sign * ny) / length;
}
