// Hands the picture of the point under the pointer to the scatter, which is another component of the page.

import type { ThumbData } from "./wire";

export default function ({ data }: { data: ThumbData | null }): void {
  if (data?.png) window.dispatchEvent(new CustomEvent("scatter-thumb", { detail: data }));
}
