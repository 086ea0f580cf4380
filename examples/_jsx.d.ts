/** What every .tsx and .jsx function finds in its global scope. */
declare namespace JSX {
  type Element = object;
  interface IntrinsicElements {
    [tag: string]: Record<string, unknown>;
  }
}

declare function h(tag: unknown, props: object | null, ...children: unknown[]): JSX.Element;
declare const Fragment: unknown;
declare function renderToString(element: unknown): string;
