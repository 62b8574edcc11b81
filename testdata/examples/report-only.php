<?php
// Lets the panel decide as before, and tells resellerd what it decided:
// php report-only.php [AREA…]    areas that resellerd decides already
declare(strict_types=1);

/** Decides for the panel, area by area. */
final class Switchover
{
    /** @param list<string> $enforced areas in which resellerd decides */
    public function __construct(private string $url, private string $token, private array $enforced)
    {
    }

    /** Whether the user may do this. $panel is what the panel itself decided. */
    public function may(string $user, string $action, string $area, bool $panel): bool
    {
        $ours = $this->ask($user, $action, $area, $panel);
        return in_array($area, $this->enforced, true) ? $ours : $panel;
    }

    /** False if resellerd denies, or does not answer. */
    private function ask(string $user, string $action, string $area, bool $panel): bool
    {
        $curl = curl_init($this->url . '/access/v1/evaluation');
        curl_setopt_array($curl, [
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT_MS => 500, // a page that only reports does not wait longer
            CURLOPT_HTTPHEADER => ["Authorization: Bearer {$this->token}", 'Content-Type: application/json'],
            CURLOPT_POSTFIELDS => json_encode([
                'subject' => ['type' => 'user', 'id' => $user],
                'action' => ['name' => $action],
                'resource' => ['type' => 'area', 'id' => $area],
                'context' => ['panel_decision' => $panel],
            ], JSON_THROW_ON_ERROR),
        ]);
        $answer = curl_exec($curl);
        return $answer !== false && (json_decode($answer, true)['decision'] ?? false) === true;
    }
}

$switchover = new Switchover(getenv('RESELLERD_URL'), getenv('RESELLERD_TOKEN'), array_slice($argv, 1));

// What the panel decided until now. Replace this with the panel's own check.
$panel = [
    ['brightcall-owner', 'read', 'cdr', true],
    ['brightcall-owner', 'delete', 'customer', true],
    ['brightcall-sales', 'delete', 'customer', true],
    ['brightcall-sales', 'read', 'cdr', true],
    ['brightcall-owner', 'read', 'routing', false],
];
foreach ($panel as [$user, $action, $area, $allows]) {
    echo "$user $action $area: ", $switchover->may($user, $action, $area, $allows) ? 'yes' : 'no', "\n";
}
