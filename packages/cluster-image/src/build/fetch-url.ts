import { Problem } from '@seal/foundation';
import { writeBlob } from '../store/blobs.ts';
import type { BuildContext } from './build-state.ts';

const fetchRemedy = 'Correct the URL, or see why this machine does not reach it (network, http_proxy, https_proxy).';

export interface FetchedFile {
  readonly path: string;
  readonly digest: string;
  /** Last part of the URL's path. */
  readonly name: string;
}

/**
 * Fetches an http(s) URL into the store, where it stays for the next build until the next clean-up. With `checksum` the bytes are verified,
 * and a file that is there already is not fetched; without, the user is warned, with the digest that came.
 * Throws BUILD_INPUT_INVALID, DISK_FULL, CANCELLED.
 */
export async function fetchUrl(context: BuildContext, written: string, checksum: string | undefined): Promise<FetchedFile> {
  const url = readUrl(written);
  const name = decodeURIComponent(url.pathname.split('/').at(-1) ?? '');
  if (name === '' || name.includes('/') || name === '..')
    throw new Problem('BUILD_INPUT_INVALID', `the URL ${url.href} has no file name at its end`);
  if (checksum !== undefined && !context.noCache && (await context.store.hasBlob(checksum)))
    return { path: context.store.blobPath(checksum), digest: checksum, name };
  const digest = await download(context, url, checksum);
  if (checksum === undefined) {
    const unsafe = url.protocol === 'http:' ? ', over plain http' : '';
    const message = `${url.href} is fetched unverified${unsafe}; write --checksum=${digest} to have exactly these bytes`;
    context.onProgress({ kind: 'warning', message });
  }
  return { path: context.store.blobPath(digest), digest, name };
}

async function download(context: BuildContext, url: URL, checksum: string | undefined): Promise<string> {
  try {
    const response = await fetch(url, context.signal ? { signal: context.signal } : {});
    if (!response.ok || !response.body)
      throw new Problem('BUILD_INPUT_INVALID', `${url.href} answers ${response.status}`, { remedy: fetchRemedy });
    if (url.protocol === 'https:' && !response.url.startsWith('https:') && checksum === undefined)
      throw new Problem('BUILD_INPUT_INVALID', `${url.href} leads to plain http (${response.url}) and has no --checksum`);
    return (await writeBlob(context.store.directory, context.session, response.body, checksum)).digest;
  } catch (thrown) {
    if (context.signal?.aborted) throw new Problem('CANCELLED', 'the build was cancelled', { cause: thrown });
    if (thrown instanceof Problem && thrown.code === 'BLOB_DIGEST_MISMATCH')
      throw new Problem(
        'BUILD_INPUT_INVALID',
        `${url.href} has the digest ${thrown.details.digest}; --checksum says ${checksum}`,
        {
          remedy: 'Find out which of the two is right before you change the checksum.',
          cause: thrown,
        },
      );
    if (thrown instanceof Problem || !(thrown instanceof TypeError)) throw thrown;
    const why = thrown.cause instanceof Error ? thrown.cause.message : thrown.message;
    throw new Problem('BUILD_INPUT_INVALID', `${url.href} cannot be fetched: ${why}`, { remedy: fetchRemedy, cause: thrown });
  }
}

function readUrl(written: string): URL {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new Problem('BUILD_INPUT_INVALID', `"${written}" is not an http(s) URL`);
  // The history of an image is public.
  if (url.username !== '' || url.password !== '')
    throw new Problem('BUILD_INPUT_INVALID', `the URL of ${url.host} holds a user or password, which would stay in the image`, {
      remedy: 'Fetch the file before the build and COPY it.',
    });
  return url;
}
