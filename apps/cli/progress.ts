/**
 * Renders the stream of events of long work on a terminal: one line that is redrawn on a TTY, plain lines otherwise, JSON
 * lines with `--json`. Formatting is pure; `progress()` at the top is the only part that writes.
 */
import type { EspalierEvent, OnEvent } from '../../src/index.ts';

export type ProgressMode = 'tty' | 'plain' | 'json';

export interface Progress {
  /** Pass as `onEvent`. */
  readonly onEvent: OnEvent;
  /** Clears the redrawn line; call once, also after a failure. */
  end(): void;
}

export interface ProgressOptions {
  json?: boolean; // one JSON object per line on stdout
  mode?: ProgressMode; // decided from `json` and the terminal when absent
  now?: () => number; // milliseconds
  write?: (text: string) => void;
  columns?: number; // width of the terminal
}

/** JSON goes to stdout, as it is the result; progress for people goes to stderr, so that stdout can be piped. */
export function progress(options: ProgressOptions = {}): Progress {
  const mode = options.mode ?? (options.json ? 'json' : process.stderr.isTTY ? 'tty' : 'plain');
  const now = options.now ?? (() => performance.now());
  const write = options.write ?? ((text) => (mode === 'json' ? process.stdout : process.stderr).write(text));
  let state = initialState;
  let drawn = false;
  return {
    onEvent(event) {
      if (mode === 'json') return void write(`${JSON.stringify(event)}\n`);
      const at = now();
      state = follow(state, event, at);
      if (event.kind !== 'step') {
        write(`${drawn ? clearLine : ''}${eventLine(event)}\n`);
        drawn = false;
      } else if (mode === 'tty') {
        write(clearLine + progressLine(state, event, at, (options.columns ?? process.stderr.columns ?? 80) - 1));
        drawn = true;
      } else if (state.due) {
        write(`${progressLine(state, event, at, Number.POSITIVE_INFINITY)}\n`);
      }
    },
    end() {
      if (drawn) write(clearLine);
      drawn = false;
    },
  };
}

const clearLine = '\r\x1b[2K';

/** A log file gets a line at the start and end of a stage and at every tenth of it, or once a minute if that is rarer. */
const plainEveryMs = 60_000;

/** What remaining time is reckoned from: when this stage was first seen, and at which step. */
export interface ProgressState {
  readonly stage: string;
  readonly since: number; // ms
  readonly first: number; // step at `since`; a resumed run does not start at 0
  readonly lastPlain: number; // ms, when a plain line was last due
  readonly lastTenth: number;
  readonly due: boolean; // whether a plain line is due for the last event
}

export const initialState: ProgressState = {
  stage: '',
  since: 0,
  first: 0,
  lastPlain: 0,
  lastTenth: 0,
  due: false,
};

export function follow(state: ProgressState, event: EspalierEvent, at: number): ProgressState {
  if (event.kind !== 'step') return state;
  const tenth = event.of > 0 ? Math.floor((10 * event.step) / event.of) : 0;
  if (event.stage !== state.stage || event.step < state.first) {
    return { stage: event.stage, since: at, first: event.step, lastPlain: at, lastTenth: tenth, due: true };
  }
  const due = tenth > state.lastTenth || at - state.lastPlain >= plainEveryMs;
  return due ? { ...state, lastPlain: at, lastTenth: tenth, due } : { ...state, due };
}

/** `structure  ████████░░░░░░░░  12/25  0:14 left  loss 0.412`, cut to `columns`. */
export function progressLine(
  state: ProgressState,
  event: Extract<EspalierEvent, { kind: 'step' }>,
  at: number,
  columns: number,
): string {
  const left = remainingSeconds(state, event, at);
  const parts = [
    event.stage.padEnd(9),
    bar(event.of > 0 ? event.step / event.of : 0, 20),
    event.of > 0 ? `${event.step}/${event.of}` : `${event.step}`,
    left === undefined ? '' : `${duration(left)} left`,
    event.note ?? '',
  ];
  const line = parts.filter((part) => part !== '').join('  ');
  return line.length > columns ? `${line.slice(0, Math.max(0, columns - 1))}…` : line;
}

/** Undefined until one step of this stage has been timed, and when it is done. */
export function remainingSeconds(
  state: ProgressState,
  event: Extract<EspalierEvent, { kind: 'step' }>,
  at: number,
): number | undefined {
  const done = event.step - state.first;
  if (done <= 0 || event.step >= event.of) return undefined;
  return ((at - state.since) / 1000 / done) * (event.of - event.step);
}

/** `0:07`, `12:40`, `3:05:00`, `2 d 4 h`. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  if (s >= 86_400) return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
  if (s >= 3600) return `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
  return `${Math.floor(s / 60)}:${two(s % 60)}`;
}

export function eventLine(event: Exclude<EspalierEvent, { kind: 'step' }>): string {
  switch (event.kind) {
    case 'done':
      return `${event.stage.padEnd(9)}  ${event.summary ?? 'done'}  ${event.seconds.toFixed(1)} s`;
    case 'skipped':
      return `${event.stage.padEnd(9)}  skipped ${event.item}: ${event.reason}`;
    case 'warning':
      return `${event.stage.padEnd(9)}  warning: ${event.message}`;
    case 'file':
      return `${event.stage.padEnd(9)}  wrote ${event.path} (${bytes(event.bytes)})`;
    default:
      return event satisfies never;
  }
}

function bar(fraction: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

function bytes(n: number): string {
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)} MB`;
  return n >= 1e3 ? `${(n / 1e3).toFixed(1)} kB` : `${n} B`;
}
