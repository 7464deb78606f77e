import { Problem } from '@seal/foundation';
import type { Content } from '@seal/plan';

/** The bytes that a Content stands for. Problem: SECRET_MISSING. */
export function resolveContent(content: Content, secrets: ReadonlyMap<string, Uint8Array>): Uint8Array {
  if ('text' in content) return Buffer.from(content.text);
  if ('base64' in content) return Buffer.from(content.base64, 'base64');
  if ('secret' in content) return secretOf(content.secret, secrets);
  return fillTemplate(content.template, content.secrets, secrets);
}

/** In one pass, so that a secret that holds a key of another is not altered. */
function fillTemplate(
  template: string,
  references: Readonly<Record<string, string>>,
  secrets: ReadonlyMap<string, Uint8Array>,
): Uint8Array {
  const keys = Object.keys(references).sort((a, b) => b.length - a.length);
  if (keys.length === 0) return Buffer.from(template);
  const pattern = new RegExp(keys.map((key) => key.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const match of template.matchAll(pattern)) {
    parts.push(Buffer.from(template.slice(end, match.index)), secretOf(references[match[0]] ?? '', secrets));
    end = match.index + match[0].length;
  }
  parts.push(Buffer.from(template.slice(end)));
  return Buffer.concat(parts);
}

function secretOf(reference: string, secrets: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const value = secrets.get(reference);
  if (!value) throw new Problem('SECRET_MISSING', `the server did not send the secret "${reference}" with the step`);
  return value;
}
