/** Refuses glTF whose ranges leave their buffers, or whose nodes form no forest, before anything is allocated for them. */
import type { GltfJson } from './gltf-json.ts';
import type { Resources } from './gltf-resources.ts';
import { ModelError } from './triangle-scene.ts';

/** Vertices or indices of one accessor, and of a whole scene; 600 MB of positions is no asset, it is an attack. */
export const MAX_ELEMENTS = 50_000_000;
const MAX_NODES = 200_000;
const MAX_UNPACKED_BYTES = 1 << 30; // of all compressed buffer views together

const COMPONENT_BYTES: Record<number, number> = { 5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4 };
const TYPE_COMPONENTS = new Map(Object.entries({ SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT2: 4, MAT3: 9, MAT4: 16 }));

/** @throws ModelError naming the first part that does not fit */
export function checkGltf(json: GltfJson, resources: Resources): void {
  checkBufferViews(json, resources);
  checkAccessors(json);
  checkNodes(json);
}

function checkBufferViews(json: GltfJson, resources: Resources): void {
  let unpacked = 0;
  for (const [i, view] of (json.bufferViews ?? []).entries()) {
    const compressed = view.extensions?.['EXT_meshopt_compression'] ?? view.extensions?.['KHR_meshopt_compression'];
    if (compressed) {
      unpacked += numberOf(compressed['count']) * numberOf(compressed['byteStride']);
      checkRange(`${i} (compressed)`, json, resources, {
        buffer: numberOf(compressed['buffer']),
        byteOffset: numberOf(compressed['byteOffset'] ?? 0),
        byteLength: numberOf(compressed['byteLength']),
      });
    } else checkRange(`${i}`, json, resources, view);
  }
  if (!(unpacked <= MAX_UNPACKED_BYTES)) {
    throw new ModelError(
      `glTF: the compressed buffer views unpack to ${unpacked} bytes, at most ${MAX_UNPACKED_BYTES} are read. Simplify the model.`,
    );
  }
}

const numberOf = (value: unknown): number => (typeof value === 'number' && value >= 0 ? value : Number.NaN);

function checkRange(
  name: string,
  json: GltfJson,
  resources: Resources,
  view: { buffer: number; byteOffset?: number; byteLength: number },
): void {
  const uri = json.buffers?.[view.buffer]?.uri;
  const length = uri === undefined ? undefined : resources[uri]?.length;
  const end = (view.byteOffset ?? 0) + view.byteLength;
  if (length !== undefined && end <= length) return;
  throw new ModelError(
    `glTF: bufferViews[${name}] needs bytes up to ${end} of buffer ${view.buffer}, which holds ${length ?? 'nothing'}. Export the model again.`,
  );
}

function checkAccessors(json: GltfJson): void {
  const views = json.bufferViews ?? [];
  const range = (where: string, viewIndex: number, offset: number, count: number, elementBytes: number) => {
    const view = views[viewIndex];
    if (!view)
      throw new ModelError(`glTF: ${where} names bufferView ${viewIndex}, there are ${views.length}. Export it again.`);
    const end = offset + (count > 0 ? (count - 1) * (view.byteStride ?? elementBytes) + elementBytes : 0);
    if (end > view.byteLength) {
      throw new ModelError(
        `glTF: ${where} needs ${end} bytes of bufferView ${viewIndex}, which holds ${view.byteLength}. Export the model again.`,
      );
    }
  };
  for (const [i, accessor] of (json.accessors ?? []).entries()) {
    const where = `accessors[${i}]`;
    const component = COMPONENT_BYTES[accessor.componentType];
    const components = TYPE_COMPONENTS.get(accessor.type);
    if (!component || !components) {
      throw new ModelError(
        `glTF: ${where} has componentType ${accessor.componentType}, type ${accessor.type}, which glTF does not know. Export the model again.`,
      );
    }
    if (accessor.count > MAX_ELEMENTS) {
      throw new ModelError(
        `glTF: ${where} claims ${accessor.count} elements, at most ${MAX_ELEMENTS} are read. Simplify the model.`,
      );
    }
    const elementBytes = component * components;
    if (accessor.bufferView !== undefined)
      range(where, accessor.bufferView, accessor.byteOffset ?? 0, accessor.count, elementBytes);
    const { sparse } = accessor;
    if (!sparse) continue;
    if (sparse.count > accessor.count) {
      throw new ModelError(`glTF: ${where} has ${sparse.count} sparse values of ${accessor.count}. Export it again.`);
    }
    const { indices, values } = sparse;
    const indexBytes = COMPONENT_BYTES[indices.componentType] ?? 4;
    range(`${where}.sparse.indices`, indices.bufferView, indices.byteOffset ?? 0, sparse.count, indexBytes);
    range(`${where}.sparse.values`, values.bufferView, values.byteOffset ?? 0, sparse.count, elementBytes);
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
