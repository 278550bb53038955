/** The bytes, after gzip, of an entry point and of what it imports: at once, and later. */
export function sizeOf(entry: string): Promise<{ atOnce: number; later: number }>;
