<?php
declare(strict_types=1);

namespace Resellerd;

final class Decision
{
    /** @param list<string> $reasons why not: codes of the policy, empty if the row does not exist for the user */
    public function __construct(public readonly bool $allowed, public readonly array $reasons = [])
    {
    }
}
