import type { ModelFolder } from './model-folder.ts';
import type { Network } from './network.ts';
import type { Role } from './network-classes.ts';
import type { SamplerOptions } from './pipeline-file.ts';

/** What a model folder holds and what can be made with it: plain data, as `espalier info --json` prints it. */
export interface ModelDescription {
  folder: string;
  takes: 'image' | 'text';
  /** such as 'picture → shape' */
  makes: string[];
  sampler: SamplerOptions;
  /** structures drawn for each asset, of which one is made */
  candidates: number;
  latentSampler?: SamplerOptions;
  networks: NetworkDescription[];
  /** roles that this version has no network for */
  leftOut: ModelFolder['leftOut'];
  bytes: number;
}

export interface NetworkDescription {
  role: string;
  class: string;
  parameters: number;
  bytes: number;
  /** as stored, such as 'F16/F32' */
  precision: string;
  /** path of its file, or on the Hub repository and path there */
  at: string;
  config: object;
}

/** What each set of roles makes out of a prompt (or of an asset: the encoders). */
const products: readonly { roles: readonly Role[]; from?: string; to: string }[] = [
  { roles: [], to: 'shape' },
  { roles: ['slat_flow_model', 'slat_decoder_mesh'], to: 'mesh' },
  { roles: ['slat_flow_model', 'slat_decoder_gs'], to: 'gaussians' },
  { roles: ['slat_flow_model', 'slat_decoder_rf'], to: 'radiance field' },
  { roles: ['camera_pitch_model'], from: 'picture', to: 'pitch of its camera' },
  { roles: ['sparse_structure_encoder'], from: 'voxels', to: 'latent of the structure' },
  { roles: ['slat_encoder'], from: 'voxel features', to: 'structured latent' },
];

export function describeModel(model: ModelFolder): ModelDescription {
  const present = new Set(Object.keys(model.networks));
  const prompt = model.takes === 'text' ? 'text' : 'picture';
  const networks = (Object.entries(model.networks) as [string, Network][]).map(([role, n]) => ({
    role,
    class: n.name,
    parameters: n.parameters,
    bytes: n.bytes,
    precision: [...new Set(Object.values(n.dtypes))].sort().join('/'),
    at: n.at,
    config: n.config,
  }));
  return {
    folder: model.folder,
    takes: model.takes,
    makes: products
      .filter(({ roles }) => roles.every((role) => present.has(role)))
      .map(({ from = prompt, to }) => `${from} → ${to}`),
    sampler: model.structureSampler,
    candidates: model.candidates,
    latentSampler: model.latentSampler,
    networks,
    leftOut: model.leftOut,
    bytes: networks.reduce((sum, n) => sum + n.bytes, 0),
  };
}
