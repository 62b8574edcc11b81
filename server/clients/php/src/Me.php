<?php
declare(strict_types=1);

namespace Resellerd;

/** The acting user. */
final class Me
{
    /**
     * @param string $mode master or reseller
     * @param array<string, mixed> $account of the user: id, kind, status and more
     * @param array<string, list<string>> $access actions by area
     * @param list<string> $default the actions in areas that $access does not cover
     */
    private function __construct(
        public readonly string $id,
        public readonly ?string $name,
        public readonly string $mode,
        public readonly array $account,
        public readonly array $access,
        public readonly array $default,
    ) {
    }

    /** @param array<string, mixed> $document */
    public static function from(array $document): self
    {
        return new self(
            $document['id'],
            $document['name'] ?? null,
            $document['mode'],
            $document['account'],
            $document['access'],
            $document['default_access'],
        );
    }
}
