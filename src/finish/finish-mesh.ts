/** Raw mesh → finished asset: welded, without crumbs and insides, closed, of a given size, with one texture. */
import type { GlbMesh } from '../formats/index.ts';
import { vertexNormals } from '../representations/index.ts';
import { type BakeReport, bakeTexture, type ColorSource, NothingSeenError } from './bake-texture.ts';
import { type CheckedMesh, checkMesh, type MeshCheck } from './check-mesh.ts';
import { type FilledHolesReport, fillHoles } from './fill-holes.ts';
import { keepMainParts, type MainPartsReport } from './keep-main-parts.ts';
import type { OptimizeOptions } from './optimize-texture.ts';
import { expectMesh, type RawMesh, rowsOf } from './raw-mesh.ts';
import { type InnerFacesReport, removeInnerFaces } from './remove-inner-faces.ts';
import { type SimplifyReport, type SimplifyTarget, simplify } from './simplify.ts';
import { turnOfEvents } from './turn-of-events.ts';
import { type UnwrapReport, unwrap } from './unwrap.ts';
import { type WeldReport, weld } from './weld.ts';

export interface FinishOptions {
  /** What to simplify to, a number of faces or the share to keep; a mesh with fewer faces keeps its own. */
  target?: SimplifyTarget;
  /** Closed specks beside the object stay, too. */
  keepSpecks?: boolean;
  /** Texels per side of the texture; 0 keeps vertex colours. Only a mesh with colours, or with a source of them, gets a texture. */
  texture?: number;
  /** Colours come from pictures or from a scene's textures instead of the vertices. */
  source?: Exclude<ColorSource, { kind: 'surface' }>;
  /** Of source's mode 'best'. */
  optimize?: OptimizeOptions;
  signal?: AbortSignal;
  onEvent?: (event: FinishEvent) => void;
  /** Milliseconds; with it, `done` events come with the seconds of each step. */
  clock?: () => number;
}

export const FINISH_DEFAULTS = { target: { faces: 50_000 }, texture: 1024, keepSpecks: false };

export const FINISH_STEPS = ['weld', 'parts', 'insides', 'holes', 'simplify', 'unwrap', 'bake', 'check'] as const;
export type FinishStep = (typeof FINISH_STEPS)[number];

/** The events of `src/pipelines/events.ts` that finishing sends. */
export type FinishEvent =
  | {
      readonly kind: 'step';
      /** 'finish': `step` of the steps are done; 'finish bake': of one step, per cent. */
      readonly stage: 'finish' | `finish ${FinishStep}`;
      readonly step: number;
      readonly of: number;
      readonly note?: string;
    }
  | { readonly kind: 'done'; readonly stage: string; readonly seconds: number; readonly summary: string }
  | { readonly kind: 'warning'; readonly stage: 'finish'; readonly message: string };

export interface FinishedMesh {
  /** As the writers of `espalier/formats` take it. */
  readonly mesh: GlbMesh;
  readonly reports: {
    readonly weld: WeldReport;
    readonly parts: MainPartsReport;
    readonly insides: InnerFacesReport;
    readonly holes: FilledHolesReport;
    readonly simplify: SimplifyReport;
    /** Both absent for a mesh without a texture. */
    readonly unwrap?: UnwrapReport;
    readonly bake?: BakeReport;
  };
  readonly check: MeshCheck;
}

/** @throws RangeError when the tables do not fit; Error when a step leaves nothing, or the result could not be used */
export async function finishMesh(raw: RawMesh, options: FinishOptions = {}): Promise<FinishedMesh> {
  const { target, texture, keepSpecks, source, optimize, signal } = { ...FINISH_DEFAULTS, ...options };
  expectMesh('finishMesh', raw);
  if (raw.indices.length === 0) throw new RangeError('finishMesh: expected at least one face, got none.');
  const run = stepRunner(options);

  const welded = await run(
    'weld',
    () => weld(raw),
    ({ report }) => `${report.mergedVertices} vertices merged`,
  );
  const main = await run(
    'parts',
    () => keepMainParts(welded.mesh, keepSpecks ? { minShare: 0 } : {}),
    ({ report }) => `${report.droppedParts} specks dropped`,
  );
  const outer = await run(
    'insides',
    (onProgress) => removeInnerFaces(main.mesh, { signal, onProgress }),
    ({ report }) => `${report.removedFaces} inner faces removed`,
  );
  if (outer.mesh.indices.length === 0)
    throw new Error('finishMesh: no face can be seen from outside. Check that the mesh has an area.');
  const closed = await run(
    'holes',
    () => fillHoles(outer.mesh),
    ({ report }) => `${report.filledHoles} holes filled`,
  );
  const fine = closed.mesh;
  const small = await run(
    'simplify',
    () => simplify(fine, target),
    ({ report }) => `${report.facesBefore} → ${report.faces} faces`,
  );
  if (small.report.flippedFaces > 0) run.warn(`${small.report.flippedFaces} faces came out of simplification flipped.`);

  const reports = {
    weld: welded.report,
    parts: main.report,
    insides: outer.report,
    holes: closed.report,
    simplify: small.report,
  };
  // Normals before seams are cut: both sides of a seam are lit alike.
  const normals = vertexNormals(small.mesh.positions, small.mesh.indices);
  let mesh: GlbMesh = { ...small.mesh, normals };
  let atlas: { unwrap: UnwrapReport; bake: BakeReport } | undefined;
  if (texture > 0 && (fine.colors || source)) {
    const flat = await run(
      'unwrap',
      () => unwrap(small.mesh, { size: texture, signal }),
      ({ report }) => `${report.charts} charts`,
    );
    const own: ColorSource = { kind: 'surface', mesh: fine };
    const baked = await run(
      'bake',
      async (onProgress) => {
        const bake = (from: ColorSource) =>
          bakeTexture(flat.mesh, from, { size: texture, optimize, signal, onProgress });
        try {
          return await bake(source ?? own);
        } catch (error) {
          if (!(error instanceof NothingSeenError && fine.colors)) throw error;
          run.warn('no view sees any part of the mesh; its texture shows the colours of its vertices instead.');
          return bake(own);
        }
      },
      ({ report }) => `${Math.round(100 * report.coveredShare)} % of ${texture} × ${texture} texels`,
    );
    const { positions, indices, uvs, source: vertexOf } = flat.mesh;
    mesh = { positions, indices, normals: rowsOf(normals, vertexOf), uvs, texture: baked.texture };
    atlas = { unwrap: flat.report, bake: baked.report };
  }
  const check = await run(
    'check',
    () => checkMesh(mesh as CheckedMesh),
    ({ findings }) => `${findings.length} findings`,
  );
  for (const { message } of check.findings) run.warn(message);
  if (!check.isUsable)
    throw new Error(
      `finishMesh: the result could not be used: ${check.findings.map(({ message }) => message).join(' ')} ` +
        'Check the raw mesh with `espalier check`.',
    );
  return { mesh, reports: { ...reports, ...atlas }, check };
}

/** Runs a step between its two events. */
function stepRunner({ signal, onEvent, clock }: FinishOptions) {
  async function run<T>(
    step: FinishStep,
    work: (onProgress: (share: number) => void) => T | Promise<T>,
    summary: (result: T) => string,
  ): Promise<T> {
    signal?.throwIfAborted();
    onEvent?.({ kind: 'step', stage: 'finish', step: FINISH_STEPS.indexOf(step), of: FINISH_STEPS.length, note: step });
    await turnOfEvents(signal);
    const start = clock?.() ?? 0;
    let percent = 0;
    const result = await work((share) => {
      const now = Math.floor(100 * share);
      if (now <= percent) return;
      percent = now;
      onEvent?.({ kind: 'step', stage: `finish ${step}`, step: now, of: 100 });
    });
    if (clock)
      onEvent?.({ kind: 'done', stage: `finish ${step}`, seconds: (clock() - start) / 1000, summary: summary(result) });
    return result;
  }
  return Object.assign(run, {
    warn: (message: string) => onEvent?.({ kind: 'warning', stage: 'finish', message }),
  });
}
