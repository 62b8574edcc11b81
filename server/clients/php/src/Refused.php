<?php
declare(strict_types=1);

namespace Resellerd;

/** resellerd refused a request. getCode() is the status: 404 is a row that does not exist for this user. */
final class Refused extends \RuntimeException
{
    /** The last part of the problem's type, such as not_found. */
    public readonly string $problem;

    /** @var list<string> codes of the policy */
    public readonly array $reasons;

    /** @var array<string, string> what is wrong with each field of the body, by its JSON pointer */
    public readonly array $errors;

    /** @param array<string, mixed> $document as RFC 9457 defines it */
    public function __construct(int $status, public readonly array $document)
    {
        $parts = explode(':', (string) ($document['type'] ?? ''));
        $this->problem = end($parts);
        $this->reasons = $document['reasons'] ?? [];
        $this->errors = array_column($document['errors'] ?? [], 'detail', 'pointer');
        parent::__construct((string) ($document['detail'] ?? $document['title'] ?? 'Refused'), $status);
    }
}
