import type { StepContext } from '../steps/step-handler.ts';

export interface TestContext extends StepContext {
  readonly lines: string[];
}

/** A context that keeps what a step prints. */
export function testContext(secrets: Readonly<Record<string, string>> = {}, signal = new AbortController().signal): TestContext {
  const lines: string[] = [];
  const values = new Map(Object.entries(secrets).map(([name, value]) => [name, Buffer.from(value)]));
  return { attempt: 1, signal, secrets: values, lines, print: async (line) => void lines.push(line) };
}
