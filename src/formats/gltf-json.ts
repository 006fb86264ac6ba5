/**
 * A GLB or .gltf file → its JSON, checked once, and its binary chunk. Only the parts that are looked at before
 * gltf-transform sees them have a shape here; the rest is passed on.
 */
import { ALL_EXTENSIONS } from '@gltf-transform/extensions';
import { z } from 'zod';
import { ModelError } from './triangle-scene.ts';

const count = z.number().int().nonnegative();
const extensions = z.record(z.string(), z.looseObject({})).optional();

const gltfSchema = z.looseObject({
  asset: z.looseObject({ version: z.string().optional(), minVersion: z.string().optional() }).optional(),
  extensionsRequired: z.array(z.string()).optional(),
  extensionsUsed: z.array(z.string()).optional(),
  scene: count.optional(),
  scenes: z.array(z.looseObject({ nodes: z.array(count).optional() })).optional(),
  nodes: z
    .array(
      z.looseObject({
        children: z.array(count).optional(),
        mesh: count.optional(),
        skin: count.optional(),
        extensions,
      }),
    )
    .optional(),
  buffers: z.array(z.looseObject({ uri: z.string().optional(), byteLength: count, extensions })).optional(),
  bufferViews: z
    .array(
      z.looseObject({
        buffer: count,
        byteOffset: count.optional(),
        byteLength: count,
        byteStride: count.optional(),
        extensions,
      }),
    )
    .optional(),
  accessors: z
    .array(
      z.looseObject({
        bufferView: count.optional(),
        byteOffset: count.optional(),
        count,
        componentType: count,
        type: z.string(),
        sparse: z
          .looseObject({
            count,
            indices: z.looseObject({ bufferView: count, byteOffset: count.optional(), componentType: count }),
            values: z.looseObject({ bufferView: count, byteOffset: count.optional() }),
          })
          .optional(),
      }),
    )
    .optional(),
  images: z
    .array(
      z.looseObject({
        uri: z.string().optional(),
        bufferView: count.optional(),
        mimeType: z.string().optional(),
        name: z.string().optional(),
      }),
    )
    .optional(),
  meshes: z
    .array(
      z.looseObject({
        primitives: z.array(
          z.looseObject({ attributes: z.record(z.string(), count), mode: count.optional(), extensions }),
        ),
      }),
    )
    .optional(),
});

export type GltfJson = z.infer<typeof gltfSchema>;

export interface GltfFile {
  readonly json: GltfJson;
  readonly binary?: Uint8Array;
}

/** @throws ModelError when the bytes are neither a whole GLB nor glTF JSON */
export function parseGltf(bytes: Uint8Array): GltfFile {
  if (bytes.length === 0) throw new ModelError('glTF: the file is empty (0 bytes). Export the model again.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let first = 0;
  while (first < bytes.length && (bytes[first] <= 32 || bytes[first] >= 0xef)) first++; // white space and byte order mark
  if (bytes[first] === 0x7b) return { json: parseJson(bytes) };
  if (bytes.length < 20 || view.getUint32(0, true) !== 0x46546c67) {
    const start = new TextDecoder('latin1').decode(bytes.subarray(0, 12)).replace(/[^\x20-\x7e]/g, '.');
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
  const parsed = gltfSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue.path.length > 0 ? issue.path.join('.') : 'the top level';
  throw new ModelError(`glTF: the JSON is wrong at ${where}: ${issue.message}. Export the model again.`);
}

/**
 * @param also  extensions that the caller reads itself
 * @throws ModelError for another version than 2.x, and for required extensions that nobody here knows
 */
export function checkVersion(json: GltfJson, also: readonly string[] = []): void {
  const wanted = json.asset?.minVersion ?? json.asset?.version;
  if (!wanted || !/^2\./.test(wanted)) {
    throw new ModelError(`glTF: expected asset.version 2.x, got ${wanted ?? 'none'}. Convert the model to glTF 2.0.`);
  }
  const known = new Set<string>([...ALL_EXTENSIONS.map((extension) => extension.EXTENSION_NAME), ...also]);
  const unknown = (json.extensionsRequired ?? []).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new ModelError(
      `glTF: the model requires ${unknown.join(', ')}, which is not supported. Export it without that extension.`,
    );
  }
}
