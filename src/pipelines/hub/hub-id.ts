const id = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*?)(?:@([\w./-]+))?$/;

/** Whether a text can name a model of the Hub: `owner/name`, or `owner/name@revision`. */
export function isHubId(text: string): boolean {
  const found = id.exec(text);
  return found !== null && !/\.\.|--/.test(found[1]) && !/(^|\/)\.{0,2}(\/|$)/.test(found[2] ?? 'main');
}

/** @throws Error when the text names no model of the Hub */
export function parseHubId(name: string): { repository: string; revision: string } {
  const [, repository, revision = 'main'] = id.exec(name) ?? [];
  if (repository === undefined || !isHubId(name))
    throw new Error(`"${name}" does not name a model of the Hub. Expected owner/name, or owner/name@revision.`);
  return { repository, revision };
}
