/** What a command is known by: one attempt of one step. */
export interface StepKey {
  readonly step: string;
  readonly attempt: number;
}

/** Text form, unique for each key and safe as a file name when the step id is (see `isStepId`). */
export function stepKeyText(key: StepKey): string {
  return `${key.step}.${key.attempt}`;
}

/** The reverse of `stepKeyText`; undefined for a text that is none. */
export function parseStepKey(text: string): StepKey | undefined {
  const match = /^([A-Za-z0-9_-]{1,128})\.([0-9]{1,9})$/.exec(text);
  return match ? { step: match[1] ?? '', attempt: Number(match[2]) } : undefined;
}

/** Step ids become file names on the node: letters, digits, `_` and `-`, at most 128. */
export function isStepId(step: string): boolean {
  return /^[A-Za-z0-9_-]{1,128}$/.test(step);
}
