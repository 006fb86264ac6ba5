import { z } from 'zod';
import { type PromptEncoder, tokensPerPrompt } from '../stages/0-condition/index.ts';
import type { OnEvent } from './events.ts';
import { type HubOptions, hubRepository, isHubId } from './hub/index.ts';
import { parsed, readJson } from './json-file.ts';
import { type ModelSource, pathInside } from './model-source.ts';
import { checkedNetwork, type Network, type NetworkOf } from './network.ts';
import { type ClassName, plainClassName, type Role, roleClasses } from './network-classes.ts';
import { openSource } from './open-source.ts';
import { type PipelineFile, readPipelineFile } from './pipeline-file.ts';
import { namedPromptEncoder, type TextEncoderNetwork, tokenizerOf } from './prompt-encoder.ts';

/**
 * A model in TRELLIS's layout: `pipeline.json`, and `<component>.json` with `<component>.safetensors` for each network.
 * Headers were read and checked, weights were not: each network's are opened when it is needed (`openWeights`).
 */
export interface ModelFolder extends Omit<PipelineFile, 'models' | 'promptEncoder'> {
  /** the folder or Hub id it was loaded from */
  folder: string;
  /** network by role */
  networks: Networks;
  /** roles of its `pipeline.json` that this version has no network for, and why */
  leftOut: readonly { role: string; reason: string }[];
}

type Filled<R extends Role> = R extends 'text_cond_model'
  ? TextEncoderNetwork
  : NetworkOf<(typeof roleClasses)[R][number]>;

/** The networks that every model has. */
const required = ['sparse_structure_flow_model', 'sparse_structure_decoder'] as const satisfies readonly Role[];

export type RequiredRole = (typeof required)[number];

export type Networks = { readonly [R in Role]?: Filled<R> } & { readonly [R in RequiredRole]: Filled<R> };

export interface LoadModelOptions {
  /** optional roles to load besides those that stage one needs; by default all that the model has */
  roles?: readonly Role[];
  /** whether weights on the Hub are fetched at once, or each network's when it is first read; by default at once */
  fetch?: 'now' | 'later';
  /** where files from the Hub are kept and how they are fetched; by default as the environment says */
  hub?: Omit<HubOptions, 'signal' | 'onEvent'>;
  signal?: AbortSignal;
  onEvent?: OnEvent;
}

/**
 * Reads a model: a folder, or a Hub id `owner/name[@revision]` whose files are fetched into the Hugging Face cache. Every
 * weight's name, shape and type is checked against its network, from the headers of the files alone.
 * @throws Error naming the file or tensor, what was expected and what was found
 */
export async function loadModel(folder: string, options: LoadModelOptions = {}): Promise<ModelFolder> {
  const { roles, fetch = 'now', signal, onEvent } = options;
  const hub: HubOptions = { ...options.hub, signal, onEvent };
  const source = await openSource(folder, hub);
  const path = await source.find('pipeline.json').catch((error: Error) => {
    if (signal?.aborted || source.name === folder) throw error;
    throw new Error(`"${folder}" is no folder here, and of the Hub's model of that name: ${error.message}`, {
      cause: error,
    });
  });
  if (path === undefined) throw new Error(`"${folder}" is not a model folder: ${source.name} has no pipeline.json.`);
  const { models, promptEncoder, ...settings } = readPipelineFile(path, await readJson(path));
  const networks: { [role in Role]?: Network } = {};
  const leftOut: { role: string; reason: string }[] = [];
  const promptRole: Role = settings.takes === 'text' ? 'text_cond_model' : 'image_cond_model';
  for (const role of [promptRole, ...required] as Role[])
    if (models[role] === undefined && !(role === promptRole && promptEncoder !== undefined))
      throw new Error(
        `${path}: args.models lacks "${role}", a component path such as "ckpts/…". It has: ${Object.keys(models).join(', ') || 'none'}.`,
      );
  const wanted = (role: string) =>
    !roles || [promptRole, 'camera_pitch_model', ...required, ...roles].some((known) => known === role);
  for (const [role, component] of Object.entries(models)) {
    signal?.throwIfAborted();
    if (!wanted(role)) continue;
    if (isRole(role)) networks[role] = await loadComponent(source, component, role, hub);
    else leftOut.push({ role, reason: 'no stage knows this role' });
  }
  if (promptEncoder !== undefined && !networks[promptRole])
    networks[promptRole] = await namedPromptEncoder(source, promptEncoder, settings.takes, hub);
  for (const role of [promptRole, ...required] as Role[])
    if (!networks[role]) throw new Error(`internal: "${role}" was not loaded.`);
  expectPatches(networks as Networks, networks[promptRole] as PromptEncoder, source.name);
  if (fetch === 'now') for (const network of Object.values(networks)) await network.fetch(); // all headers were right
  return { folder, ...settings, networks: networks as Networks, leftOut };
}

/** A flow that reads the patches its tokens are seen in needs so many of them. */
function expectPatches({ sparse_structure_flow_model: flow }: Networks, encoder: PromptEncoder, folder: string): void {
  const { pixel_aligned_grid: grid } = flow.config;
  if (grid !== undefined && grid ** 2 > tokensPerPrompt(encoder))
    throw new Error(
      `${folder}: the sparse_structure_flow_model has pixel_aligned_grid ${grid}, ${grid ** 2} patches, but the prompt encoder gives ` +
        `${tokensPerPrompt(encoder)} tokens. They do not belong together.`,
    );
}

const isRole = (role: string): role is Role => Object.hasOwn(roleClasses, role);

const componentSchema = z.object({ name: z.string(), args: z.unknown() });

/** The network of a component. */
async function loadComponent(source: ModelSource, component: string, role: Role, hub: HubOptions): Promise<Network> {
  const { home, stem, config } = await findComponent(source, component, hub);
  const { name, args } = parsed(config, componentSchema, await readJson(config));
  const classes: readonly ClassName[] = roleClasses[role];
  const className = classes.find((one) => one === plainClassName(name));
  if (!className) throw new Error(`${config}: expected a ${classes.join(' or ')}, got "${name}".`);
  const weights = await home.look(`${stem}.safetensors`);
  if (weights === undefined)
    throw new Error(`${config}: the component has no weights; there is no ${stem}.safetensors in ${home.name}.`);
  const network = await checkedNetwork(className, weights, args, config);
  if (network.name !== 'CLIPTextModel') return network;
  const beside = stem.slice(0, stem.lastIndexOf('/') + 1);
  return { ...network, tokenizer: await tokenizerOf(home, beside) } as Network;
}

/** A component lies in the model itself, or in the Hub repository that its first two parts name. */
async function findComponent(
  source: ModelSource,
  component: string,
  hub: HubOptions,
): Promise<{ home: ModelSource; stem: string; config: string }> {
  const stem = pathInside(source.name, component);
  const own = await source.find(`${stem}.json`);
  if (own !== undefined) return { home: source, stem, config: own };
  const [owner, name, ...rest] = stem.split('/');
  const id = `${owner}/${name}`;
  if (rest.length === 0 || !isHubId(id))
    throw new Error(`${source.name}: ${stem}.json: the component is missing; there is no such file.`);
  const home = hubRepository(id, hub);
  const elsewhere = await home.find(`${rest.join('/')}.json`);
  if (elsewhere === undefined)
    throw new Error(
      `${source.name}: ${stem}.json: the component is missing, here and in the Hub repository ${id}; there is no such file.`,
    );
  return { home, stem: rest.join('/'), config: elsewhere };
}
