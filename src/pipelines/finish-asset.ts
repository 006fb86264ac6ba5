/** A generated asset, finished: its mesh cleaned and simplified, with a texture taken from its Gaussians or radiance field. */
import {
  type BakeView,
  type FinishedMesh,
  type FinishOptions,
  finishMesh,
  type Observed,
  type ObserveOptions,
  observe,
  type TextureMode,
} from '../finish/index.ts';
import type { Asset } from './asset.ts';
import type { OnEvent } from './events.ts';
import { timed } from './work.ts';

export interface FinishAssetOptions extends Pick<FinishOptions, 'target' | 'texture' | 'keepSpecks' | 'optimize'> {
  /** How the texture is made of the views; see `ColorSource`. */
  textureMode?: TextureMode;
  /** The pictures that the texture is made of. */
  observe?: Pick<ObserveOptions, 'views' | 'size'>;
  signal?: AbortSignal;
  onEvent?: OnEvent;
}

/** As the published `to_glb`: 95 % of the faces go, the texture has 1024² texels. */
export const FINISH_ASSET_DEFAULTS = { target: { ratio: 0.05 }, texture: 1024, textureMode: 'best' } as const;

/**
 * Colours come from the Gaussians, without them from the radiance field, without both from the mesh's vertices.
 * Source: microsoft/TRELLIS, `to_glb`; reference/pipelines.md §15.
 */
export async function finishAsset(asset: Asset, options: FinishAssetOptions = {}): Promise<FinishedMesh> {
  const { target, texture, textureMode, keepSpecks, optimize, signal, onEvent } = {
    ...FINISH_ASSET_DEFAULTS,
    ...options,
  };
  const { positions, indices, colors } = asset.mesh;
  const observed = observedOf(asset);
  let views: BakeView[] | undefined;
  if (observed && texture > 0) {
    const onProgress = (share: number) =>
      onEvent?.({ kind: 'step', stage: 'observe', step: Math.floor(100 * share), of: 100 });
    views = await timed(
      'observe',
      onEvent,
      () => observe(observed, positions, { ...options.observe, signal, onProgress }),
      (taken) => `${taken.length} views of the ${observed.kind}`,
    );
  }
  return finishMesh(
    { positions, indices, colors },
    {
      target,
      texture,
      keepSpecks,
      optimize,
      source: views && { kind: 'views', views, mode: textureMode },
      signal,
      onEvent,
      clock: () => performance.now(),
    },
  );
}

function observedOf({ gaussians, radianceField }: Asset): Observed | undefined {
  if (gaussians) return { kind: 'gaussians', scene: gaussians };
  return radianceField && { kind: 'radiance-field', field: radianceField };
}
