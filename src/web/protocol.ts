/** What a page and its worker say to each other. */
import type {
  AssetPrompt,
  EspalierEvent,
  GenerateOptions,
  HubOptions,
  ModelDescription,
  StructuredLatent,
} from '../pipelines/index.browser.ts';
import type { Gaussians, RadianceField, SurfaceMesh } from '../representations/index.ts';
import type { PageDevice, PageRuntimeOptions } from '../tensor/index.browser.ts';

/** Options of a generation that travel as data. */
export type PageGenerateOptions = Omit<GenerateOptions, 'device' | 'precision' | 'signal' | 'onEvent'>;

/** How a model is loaded. */
export interface LoadRequest {
  kind: 'load';
  source: string;
  device: PageDevice | 'auto';
  runtime: PageRuntimeOptions;
  fetch: 'now' | 'later';
  hub: Pick<HubOptions, 'endpoint' | 'token' | 'offline' | 'stallMs' | 'attempts' | 'pauseMs'>;
}

/** `pictures` as bytes or pixels. */
export interface GenerateRequest {
  kind: 'generate';
  prompt: AssetPrompt;
  options: PageGenerateOptions;
}

/** Removes all models that pages of this origin keep. */
export interface ForgetRequest {
  kind: 'forget';
}

export type Asked = LoadRequest | GenerateRequest | ForgetRequest;

export type ToWorker = { id: number; request: Asked } | { id: number; abort: true };

export interface Loaded {
  device: PageDevice;
  description: ModelDescription;
}

/** An asset as data: what Node's `Asset` has, its files already written. */
export interface AssetData {
  coords: Int32Array;
  logits: Float32Array;
  slat?: StructuredLatent;
  gaussians?: Gaussians;
  radianceField?: RadianceField;
  mesh: SurfaceMesh;
  glb: Uint8Array;
  ply?: Uint8Array;
}

export type FromWorker =
  | { id: number; event: EspalierEvent }
  | { id: number; result: Loaded | AssetData[] | undefined }
  | { id: number; error: { name: string; message: string } };
