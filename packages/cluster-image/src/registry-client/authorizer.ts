import { Problem } from '@seal/foundation';
import * as z from 'zod';
import { parseChallenges } from './challenge.ts';
import type { Credential } from './credential.ts';
import type { HttpReply, HttpSender } from './http-send.ts';
import { readBody } from './read-body.ts';
import type { Endpoint } from './registry-settings.ts';

const tokenSchema = z.looseObject({ token: z.string().optional(), access_token: z.string().optional() });
const maximumTokenBytes = 256 * 1024;

/** Makes the Authorization header for one registry, by what the registry asks for. */
export interface Authorizer {
  /** What is known to be wanted for this scope; undefined before the first challenge. */
  header(scope: string): string | undefined;
  /** Takes a 401's WWW-Authenticate in; a token of before counts no more. False when there is nothing (else) to show. */
  takeChallenge(header: string | undefined, scope: string, refused: string | undefined): Promise<boolean>;
  /** For messages: what was shown, never its value. */
  readonly tried: string;
}

/**
 * Basic, or Bearer tokens of a token server with name and password, a refresh token, or nobody's. Credentials never go over plain HTTP
 * unless the registry itself is spoken to so. Throws REGISTRY_UNAUTHORIZED, REGISTRY_PROTOCOL; network errors pass.
 */
export function makeAuthorizer(
  sender: HttpSender,
  endpoint: Endpoint,
  origin: URL,
  credential: Credential | undefined,
  signal?: AbortSignal,
): Authorizer {
  const headers = new Map<string, string>();
  const tried = credential?.source ?? 'none (anonymous; nobody is logged in)';
  let basic: string | undefined;
  return {
    tried,
    header: (scope) => basic ?? headers.get(scope),
    async takeChallenge(header, scope, refused) {
      const challenges = parseChallenges(header ?? '');
      const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
      if (bearer) {
        const token = await fetchToken(sender, endpoint, origin, bearer.parameters, scope, credential, signal);
        headers.set(scope, `Bearer ${token}`);
        return true;
      }
      if (!challenges.some(({ scheme }) => scheme === 'basic') || !credential || credential.identityToken !== undefined)
        return false;
      basic = basicHeader(credential);
      return basic !== refused;
    },
  };
}

async function fetchToken(
  sender: HttpSender,
  endpoint: Endpoint,
  origin: URL,
  parameters: Readonly<Record<string, string>>,
  scope: string,
  credential: Credential | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const realm = tokenUrl(endpoint, origin, parameters.realm);
  const query = new URLSearchParams();
  if (parameters.service) query.set('service', parameters.service);
  // What the registry asks for may be more exact than what was expected.
  for (const wanted of (scope || (parameters.scope ?? '')).split(' ').filter(Boolean)) query.append('scope', wanted);
  const reply = await (credential?.identityToken === undefined
    ? getToken(sender, realm, query, credential, signal)
    : exchangeIdentityToken(sender, realm, query, credential.identityToken, signal));
  const body = await readBody(reply.body, maximumTokenBytes, `the answer of the token server ${realm.host}`);
  if (reply.status === 401 || reply.status === 403) {
    const shown = credential?.source ?? 'none (anonymous)';
    throw new Problem(
      'REGISTRY_UNAUTHORIZED',
      `the token server ${realm.host} of the registry ${endpoint.name} refuses access (${reply.status}) to "${query.getAll('scope').join(' ')}"; credentials tried: ${shown}`,
      { details: { registry: endpoint.name, tokenServer: realm.host, tried: shown } },
    );
  }
  if (reply.status !== 200)
    throw Object.assign(new Error(`the token server ${realm.host} answered ${reply.status}`), { status: reply.status });
  const { token, access_token } = parseToken(body, realm.host);
  const value = token || access_token;
  if (!value || !/^[\x21-\x7e]+$/.test(value))
    throw new Problem('REGISTRY_PROTOCOL', `the token server ${realm.host} gave no usable token`, {
      details: { tokenServer: realm.host },
    });
  return value;
}

/** Only the scheme of the registry itself or a better one. */
function tokenUrl(endpoint: Endpoint, origin: URL, realm: string | undefined): URL {
  const url = URL.canParse(realm ?? '') ? new URL(realm!) : undefined;
  const schemes = origin.protocol === 'https:' ? ['https:'] : ['https:', 'http:'];
  if (url && schemes.includes(url.protocol) && url.username === '' && url.password === '') return url;
  throw new Problem(
    'REGISTRY_PROTOCOL',
    `the registry ${endpoint.name} names "${realm ?? ''}" as its token server; expected an ${schemes.map((scheme) => `${scheme}//`).join(' or ')} address without a password`,
    { details: { registry: endpoint.name, realm } },
  );
}

function getToken(
  sender: HttpSender,
  realm: URL,
  query: URLSearchParams,
  credential: Credential | undefined,
  signal: AbortSignal | undefined,
): Promise<HttpReply> {
  const url = new URL(realm);
  for (const [name, value] of query) url.searchParams.append(name, value);
  if (credential) url.searchParams.set('account', credential.username);
  const headers: Record<string, string> = credential ? { authorization: basicHeader(credential) } : {};
  return sender.send({ method: 'GET', url, headers, ...(signal ? { signal } : {}) });
}

/** As Docker does it: https://distribution.github.io/distribution/spec/auth/oauth/ */
async function exchangeIdentityToken(
  sender: HttpSender,
  url: URL,
  query: URLSearchParams,
  refreshToken: string,
  signal: AbortSignal | undefined,
): Promise<HttpReply> {
  const { Readable } = await import('node:stream');
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: 'seal',
    service: query.get('service') ?? '',
    scope: query.getAll('scope').join(' '),
    refresh_token: refreshToken,
  });
  const bytes = Buffer.from(form.toString());
  return sender.send({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(bytes.length) },
    body: () => Readable.from([bytes]),
    ...(signal ? { signal } : {}),
  });
}

function parseToken(body: Buffer, host: string): z.infer<typeof tokenSchema> {
  try {
    return tokenSchema.parse(JSON.parse(body.toString('utf8')));
  } catch {
    // Neither message nor cause may quote a token.
    throw new Problem('REGISTRY_PROTOCOL', `the answer of the token server ${host} is not that of one`, {
      details: { tokenServer: host },
    });
  }
}

function basicHeader({ username, password }: Credential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
