import { Problem } from '@seal/foundation';
import type { HttpSender } from './http-send.ts';
import type { RegistryOptions } from './registry-options.ts';
import { unreachableProblem } from './registry-problem.ts';
import type { Endpoint } from './registry-settings.ts';
import { isTransient, throwIfAborted, waitBeforeRetry } from './retry-policy.ts';

/**
 * https://HOST; for an insecure endpoint that speaks no TLS http://HOST. What is given up for `insecure` is told to onWarning.
 * Throws REGISTRY_UNREACHABLE.
 */
export async function chooseOrigin(sender: HttpSender, endpoint: Endpoint, options: RegistryOptions): Promise<URL> {
  const secure = new URL(`https://${endpoint.host}/`);
  if (!endpoint.insecure) return secure;
  const tries = options.tries ?? 5;
  for (let attempt = 1; ; attempt += 1) {
    const found = await probe(sender, secure, options);
    if (found === 'answers') {
      options.onWarning?.(`insecure: the certificate of the registry ${endpoint.name} is not verified`);
      return secure;
    }
    const plain = new URL(`http://${endpoint.host}/`);
    const second = await probe(sender, plain, options);
    if (second === 'answers') {
      options.onWarning?.(
        `insecure: the registry ${endpoint.name} is spoken to over plain HTTP; names, passwords and bytes can be read and altered`,
      );
      return plain;
    }
    if (attempt >= tries || !isTransient(second)) throw unreachableProblem(endpoint, second, attempt);
    await waitBeforeRetry(attempt, options);
  }
}

async function probe(sender: HttpSender, origin: URL, options: RegistryOptions): Promise<'answers' | Error> {
  try {
    const url = new URL('/v2/', origin);
    const reply = await sender.send({ method: 'GET', url, headers: {}, ...(options.signal ? { signal: options.signal } : {}) });
    reply.body.destroy();
    // Go's server says this over plain HTTP to whoever should speak TLS.
    if (origin.protocol === 'http:' && reply.status === 400) return new Error('it answers 400 to plain HTTP');
    return 'answers';
  } catch (thrown) {
    throwIfAborted(options.signal);
    if (thrown instanceof Problem) throw thrown;
    return thrown as Error;
  }
}
