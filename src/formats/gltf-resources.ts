/** The buffers and pictures that glTF JSON names, each under a name of our own: no path of the file reaches a loader unchecked. */
import type { GltfFile, GltfJson } from './gltf-json.ts';
import { checkedResourcePath, shorten } from './resource-path.ts';
import { ModelError, type ReadModelOptions } from './triangle-scene.ts';

export type Resources = Record<string, Uint8Array<ArrayBuffer>>;

/** Loads what the model names and rewrites its uris. @throws ModelError when a buffer cannot be had */
export async function resolveResources(
  { json, binary }: GltfFile,
  options: ReadModelOptions,
  warnings: string[],
): Promise<Resources> {
  const resources: Resources = {};
  await resolveBuffers(json, binary, resources, options);
  await resolveImages(json, resources, options, warnings);
  return resources;
}

async function resolveBuffers(
  json: GltfJson,
  binary: Uint8Array | undefined,
  resources: Resources,
  options: ReadModelOptions,
): Promise<void> {
  for (const [i, buffer] of (json.buffers ?? []).entries()) {
    const isFallback = Object.values(buffer.extensions ?? {}).some((extension) => extension['fallback'] === true);
    let bytes: Uint8Array;
    if (buffer.uri !== undefined) bytes = await loadUri(`buffers[${i}]`, buffer.uri, options);
    else if (i === 0 && binary) bytes = binary;
    else if (isFallback) continue;
    else throw new ModelError(`glTF: buffers[${i}] has neither a uri nor a GLB chunk. Export the model again.`);
    if (buffer.byteLength > bytes.length) {
      throw new ModelError(
        `glTF: buffers[${i}] promises ${buffer.byteLength} bytes, ${bytes.length} came. The file is cut off; export it again.`,
      );
    }
    buffer.uri = `buffer-${i}`;
    resources[buffer.uri] = own(bytes);
  }
}

/** A picture that cannot be had costs the model its texture, not its life. */
async function resolveImages(
  json: GltfJson,
  resources: Resources,
  options: ReadModelOptions,
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

// gltf-transform wants arrays over plain ArrayBuffers, at an aligned start.
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

async function loadUri(name: string, uri: string, options: ReadModelOptions): Promise<Uint8Array> {
  const where = `glTF: ${name}`;
  const data = /^data:[^,]*?(;base64)?,/.exec(uri);
  const shown = shorten(uri);
  try {
    if (data) {
      const body = uri.slice(data[0].length);
      return data[1] ? Buffer.from(body, 'base64') : Buffer.from(decodeURIComponent(body), 'latin1');
    }
    uri = decodeURIComponent(uri);
  } catch {
    throw new ModelError(`${where} has a malformed uri "${shown}". Export the model as GLB.`);
  }
  const path = checkedResourcePath(where, uri, 'Put the file beside the model, or export as GLB.');
  if (!options.loadResource) {
    throw new ModelError(`${where} needs the file "${shown}" beside the model. Export it as a self-contained GLB.`);
  }
  try {
    return await options.loadResource(path);
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    throw new ModelError(
      `${where} needs the file "${shown}", which cannot be read (${(cause as Error).message}). Put it beside the model.`,
    );
  }
}
