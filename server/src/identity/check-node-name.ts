import { Problem } from '@seal/foundation';

const name = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** Node names are RFC 1123 names, as Kubernetes wants them. Problem: NODE_NAME_INVALID, with this remedy instead of the general one. */
export function checkNodeName(value: string, remedy?: string): void {
  if (value.length <= 253 && name.test(value)) return;
  throw new Problem('NODE_NAME_INVALID', `${JSON.stringify(value.slice(0, 64))} cannot be the name of a node`, {
    ...(remedy === undefined ? {} : { remedy }),
  });
}
