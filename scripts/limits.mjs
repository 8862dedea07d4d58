// What a built addon must keep to. The build, the check and its tests read it here.

export const LIMITS = {
  /** The newest glibc that the addon may ask for: CentOS 7, Amazon Linux 2 and all that followed. */
  glibc: '2.17',
  /** Bytes on disk. */
  size: 9_000_000,
  /** Bytes after gzip at its best, as npm packs it. */
  gzipped: 4_000_000,
};
