/** A glTF file → a gltf-transform document, every range of it checked; meshes and Gaussians start from here. */
import { type Document, type Node, WebIO } from '@gltf-transform/core';
import { ALL_EXTENSIONS } from '@gltf-transform/extensions';
import { checkGltf } from './gltf-checks.ts';
import { checkVersion, type GltfFile, type GltfJson } from './gltf-json.ts';
import { type Resources, resolveResources } from './gltf-resources.ts';
import { type Matrix4, multiply } from './matrix4.ts';
import { ModelError, type ReadModelOptions } from './triangle-scene.ts';

/**
 * @param also  required extensions that the caller reads itself
 * @throws ModelError when the file cannot be used
 */
export async function openGltf(
  file: GltfFile,
  options: ReadModelOptions,
  warnings: string[],
  also: readonly string[] = [],
): Promise<Document> {
  checkVersion(file.json, also);
  const resources = await resolveResources(file, options, warnings);
  checkGltf(file.json, resources);
  return parseDocument(file.json, resources);
}

async function parseDocument(json: GltfJson, resources: Resources): Promise<Document> {
  const io = new WebIO().registerExtensions(ALL_EXTENSIONS);
  const used = new Set([...(json.extensionsUsed ?? []), ...(json.extensionsRequired ?? [])]);
  const known = new Set<string>(ALL_EXTENSIONS.map((extension) => extension.EXTENSION_NAME));
  json.extensionsRequired = json.extensionsRequired?.filter((name) => known.has(name)); // the caller's own are its business
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

/** The nodes below the default scene (else the first, else all roots), parents before children. */
export function sceneNodes(document: Document): Node[] {
  const root = document.getRoot();
  const scene = root.getDefaultScene() ?? root.listScenes()[0];
  const roots = scene ? scene.listChildren() : root.listNodes().filter((node) => !node.getParentNode());
  const nodes: Node[] = [];
  const stack = [...roots].reverse();
  while (stack.length > 0) {
    const node = stack.pop()!;
    nodes.push(node);
    stack.push(...node.listChildren().reverse());
  }
  return nodes;
}

/** World matrix of every node, without recursion: a chain of 20 000 nodes must not end the process. */
export function worldMatrices(nodes: readonly Node[]): Map<Node, Matrix4> {
  const world = new Map<Node, Matrix4>();
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
