/** In each of so many parts of a segment, so many bytes in a row are looked at. */
const samples = 4;
const sampleBytes = 512;
/** Random bytes come to about 18 400 here, give or take 200; what compresses by two percent or more to at least this. */
const mostEven = 21_000;

/**
 * Whether a segment (16 KiB or so) holds what does not shrink any more, as compressed and encrypted bytes do: all values are about equally
 * frequent. Whole numbers alone decide, so every machine finds the same. Of short segments nothing is known: false.
 */
export function looksRandom(segment: Uint8Array): boolean {
  if (segment.length < samples * sampleBytes) return false;
  const counts = new Uint32Array(256);
  const apart = Math.floor((segment.length - sampleBytes) / (samples - 1));
  for (let sample = 0; sample < samples; sample += 1) {
    const start = sample * apart;
    for (let at = start; at < start + sampleBytes; at += 1) counts[segment[at]!]! += 1;
  }
  let squares = 0;
  for (const count of counts) squares += count * count;
  return squares < mostEven;
}
