/**
 * What long work reports while it runs: one stream of plain data, rendered alike by the terminal, a server and a page.
 *
 * Every kind carries `stage`, the name that errors and progress use ('condition', 'structure', 'mesh', 'train', …).
 * Events are JSON: a consumer may write each one as a line.
 */
export type EspalierEvent =
  /** `step` of `of` are done, counted from 0; `note` is a short measured remark such as 'loss 0.412'. */
  | {
      readonly kind: 'step';
      readonly stage: string;
      readonly step: number;
      readonly of: number;
      readonly note?: string;
    }
  /** The stage ended after `seconds`; `summary` says what came out, e.g. '4812 voxels'. */
  | { readonly kind: 'done'; readonly stage: string; readonly seconds: number; readonly summary?: string }
  /** One item was left out and the work goes on, e.g. an asset that cannot be read. */
  | { readonly kind: 'skipped'; readonly stage: string; readonly item: string; readonly reason: string }
  /** Something a user should know that does not stop the work. */
  | { readonly kind: 'warning'; readonly stage: string; readonly message: string }
  /** A finished file. */
  | { readonly kind: 'file'; readonly stage: string; readonly path: string; readonly bytes: number };

/** Receives the events in order. It must not throw; it runs on the thread that does the work, so it should be quick. */
export type OnEvent = (event: EspalierEvent) => void;
