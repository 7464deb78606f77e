import { Problem } from '@seal/foundation';
import type { HttpReply } from './http-send.ts';
import { readBody } from './read-body.ts';
import type { RegistryRequest } from './registry-connection.ts';
import type { Endpoint } from './registry-settings.ts';

interface Asked {
  readonly endpoint: Endpoint;
  readonly repository: string;
  readonly tried: string;
}

/** REGISTRY_UNREACHABLE for what the network or the registry did at the last try. */
export function unreachableProblem(endpoint: Endpoint, why: unknown, attempts = 1): Problem {
  const { code } = why as { code?: string };
  const message = why instanceof Error ? why.message || code || why.name : String(why);
  const isCertificate = /^(CERT|ERR_TLS|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED)/.test(code ?? '');
  const isPlain = /wrong version number|packet length too long|http_request/i.test(message);
  const times = attempts > 1 ? ` (${attempts} tries)` : '';
  return new Problem('REGISTRY_UNREACHABLE', `the registry ${endpoint.name} cannot be used${times}: ${clean(message)}`, {
    details: { registry: endpoint.name, code, attempts },
    cause: why,
    ...(isCertificate
      ? {
          remedy: `Give the authority of its certificate with --ca FILE, or put it at /etc/docker/certs.d/${endpoint.name}/ca.crt. --insecure takes any certificate.`,
        }
      : {}),
    ...(/alert (number )?(certificate required|bad certificate|116|42)/i.test(message)
      ? {
          remedy: `It wants a client certificate: put NAME.cert and NAME.key into /etc/containers/certs.d/${endpoint.name}/, or name their directory with --cert-dir.`,
        }
      : {}),
    ...(isPlain ? { remedy: 'It seems to speak plain HTTP; if that is meant, give --insecure: nothing is encrypted then.' } : {}),
  });
}

/** What a status outside of the expected ones means. Reads the registry's own words. */
export async function answerProblem(asked: Asked, request: RegistryRequest, reply: HttpReply): Promise<Problem> {
  if (reply.status === 401 || reply.status === 403) return accessProblem(asked, request, reply);
  const path = typeof request.target === 'string' ? request.target : request.target.pathname;
  const words = await wordsOf(reply);
  return new Problem(
    'REGISTRY_PROTOCOL',
    `the registry ${asked.endpoint.name} answered ${reply.status} to ${request.method} ${path}${words}`,
    { details: { registry: asked.endpoint.name, repository: asked.repository, status: reply.status } },
  );
}

/** REGISTRY_UNAUTHORIZED for 401, REGISTRY_DENIED for 403: with registry, repository and what was shown, never its value. */
export async function accessProblem(asked: Asked, request: RegistryRequest, reply: HttpReply): Promise<Problem> {
  const words = await wordsOf(reply);
  const { endpoint, repository, tried } = asked;
  const what =
    repository === '' ? `the registry ${endpoint.name}` : `the repository ${repository} of the registry ${endpoint.name}`;
  const verb = request.method === 'GET' || request.method === 'HEAD' ? 'reading' : 'writing';
  const details = { registry: endpoint.name, repository, tried };
  if (reply.status === 403)
    return new Problem('REGISTRY_DENIED', `${verb} is not allowed in ${what}${words}; credentials tried: ${tried}`, { details });
  return new Problem('REGISTRY_UNAUTHORIZED', `no access to ${what} for ${verb}${words}; credentials tried: ${tried}`, {
    details,
    remedy: `Log in with "sealctl registry login ${endpoint.name}", or check the name: registries also say this of images that do not exist.`,
  });
}

async function wordsOf(reply: HttpReply): Promise<string> {
  const body = await readBody(reply.body, 64 * 1024, 'an error answer').catch(() => undefined);
  if (!body || body.length === 0) return '';
  try {
    const [first] = (JSON.parse(body.toString('utf8')) as { errors?: { code?: string; message?: string }[] }).errors ?? [];
    const words = [first?.code, first?.message].filter((word) => typeof word === 'string' && word !== '').join(': ');
    return words === '' ? '' : ` (${clean(words)})`;
  } catch {
    // A page of a proxy, say: its words are of no use.
    return '';
  }
}

function clean(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 300);
}
