// What the page around the example has: its own functions, and React 18, where a ref may begin empty.

declare function showNotification(notification: unknown): void;
declare function updateChat(channel: string, message: unknown): void;

declare namespace React {
  function useRef<T>(): import('react').RefObject<T | undefined>;
}
