<?php
declare(strict_types=1);

namespace Resellerd;

/** An answer of any status. */
final class Response
{
    /** @param array<string, string> $headers by names in small letters */
    public function __construct(
        public readonly int $status,
        public readonly array $headers,
        public readonly string $body,
    ) {
    }

    /**
     * The document of an answer that succeeded. A 204 has none: [].
     *
     * @return array<string, mixed>
     * @throws Refused if resellerd refused the request
     * @throws Unavailable if resellerd could not answer it
     */
    public function document(): array
    {
        $document = $this->body === '' ? [] : json_decode($this->body, true);
        if (!is_array($document)) {
            throw new Unavailable("The answer with status {$this->status} is not a JSON object.");
        }
        return match (true) {
            $this->status < 300 => $document,
            in_array($this->status, [408, 429], true), $this->status >= 500 => throw new Unavailable(
                "resellerd answered {$this->status}: " . ($document['detail'] ?? $document['title'] ?? ''),
                (int) ($this->headers['retry-after'] ?? 0),
            ),
            default => throw new Refused($this->status, $document),
        };
    }
}
