/** What the shell sees when the program ends. */
export const exitCodes = {
  ok: 0,
  /** Anything that stopped the command: bad input, bad usage, a failed check. The message is on stderr. */
  failed: 1,
  /** Ctrl-C or SIGTERM: 128 + SIGINT, as shells expect. Nothing partial is left behind. */
  cancelled: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Whether `error` is the end of a cancelled run rather than a failure. */
export function isCancellation(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'));
}

/** Which code ends a command that threw `error`. */
export function exitCodeOf(error: unknown, signal: AbortSignal): ExitCode {
  return isCancellation(error, signal) ? exitCodes.cancelled : exitCodes.failed;
}

/** What is printed for `error`: its message alone, or with `verbose` the stack and the chain of causes. */
export function errorText(error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return String(error);
  if (!verbose) return error.message || error.name;
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\ncaused by: ${errorText(error.cause, true)}`;
}
