/** The strings of a JSON list of strings, or undefined when the text is none (Dockerfiles then take it as a shell line). */
export function readJsonList(text: string): string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
}
