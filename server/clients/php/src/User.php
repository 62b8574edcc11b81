<?php
declare(strict_types=1);

namespace Resellerd;

/**
 * A user of the panel: what it may do, and the rows that it sees. Every method throws
 * Unavailable if there is no answer, so that a failure never allows anything.
 */
final class User
{
    /** The most questions of one request. */
    private const BATCH = 1000;

    /** @param array<string, string> $headers that name the user */
    public function __construct(
        private readonly Transport $transport,
        public readonly string $id,
        private readonly array $headers,
    ) {
    }

    public function me(): Me
    {
        return Me::from($this->request('GET', '/v1/me')->document());
    }

    /**
     * Whether the user may do this in an area, or to a row if there is an id.
     *
     * @param array<string, mixed> $properties of a row of the panel's own tables; account_id is its owner
     */
    public function may(string $action, string $of, ?string $id = null, array $properties = []): bool
    {
        return $this->decide([new Question($action, $of, $id, $properties)])[0]->allowed;
    }

    /**
     * The answers to many questions, by the keys of the questions. One request asks up
     * to 1,000.
     *
     * @template K of array-key
     * @param array<K, Question> $questions
     * @return array<K, bool>
     */
    public function mayEach(array $questions): array
    {
        return array_map(static fn(Decision $d): bool => $d->allowed, $this->decide($questions));
    }

    /**
     * The areas that the user may read, of those that the menu has.
     *
     * @param list<string> $areas
     * @return list<string>
     */
    public function menu(array $areas): array
    {
        $may = $this->mayEach(array_map(static fn(string $area) => new Question('read', $area), $areas));
        return array_values(array_filter($areas, static fn(int $i): bool => $may[$i], ARRAY_FILTER_USE_KEY));
    }

    /**
     * Like mayEach, with the reasons of denials.
     *
     * @template K of array-key
     * @param array<K, Question> $questions
     * @return array<K, Decision>
     */
    public function decide(array $questions, bool $reasons = false): array
    {
        $decisions = [];
        foreach (array_chunk($questions, self::BATCH, true) as $chunk) {
            $decisions += array_combine(array_keys($chunk), $this->evaluate(array_values($chunk), $reasons));
        }
        return $decisions;
    }

    /**
     * The rows of a table of the panel's own that the user may read, for PDO.
     *
     * @param string $area such as cdr
     * @param string $dialect postgres, mysql or sqlite; mysql includes MariaDB
     * @param array<string, string|array<string, string>> $columns of the table, by the names that the policy reads, such
     *     as ['account_id' => 'c.account']; a column of another type than text is an array with column and type
     */
    public function filter(string $area, string $dialect, array $columns, string $action = 'read'): Filter
    {
        $body = [
            'user' => $this->id, 'area' => $area, 'action' => $action, 'dialect' => $dialect,
            'placeholders' => 'question', 'columns' => (object) $columns,
        ];
        $headers = array_diff_key($this->headers, ['Resellerd-User' => '']);
        return Filter::from($this->transport->send('POST', '/v1/filters', $headers + self::typed($body), self::json($body))->document());
    }

    public function accounts(): Rows
    {
        return new Rows($this, '/v1/accounts');
    }

    public function groups(): Rows
    {
        return new Rows($this, '/v1/groups');
    }

    public function users(): Rows
    {
        return new Rows($this, '/v1/users');
    }

    public function customers(): Rows
    {
        return new Rows($this, '/v1/customers');
    }

    public function cards(): Rows
    {
        return new Rows($this, '/v1/cards');
    }

    public function audit(): Rows
    {
        return new Rows($this, '/v1/audit');
    }

    /** The rates of a card: what they cost, or what they sell for, as the user sees the card. */
    public function rates(string $card): Rows
    {
        return new Rows($this, '/v1/cards/' . rawurlencode($card) . '/rates');
    }

    /**
     * Sends any request of /v1 in the name of the user.
     *
     * @param ?array<string, mixed> $body
     * @param array<string, string> $headers
     */
    public function request(string $method, string $path, ?array $body = null, array $headers = []): Response
    {
        return $this->transport->send($method, $path, $this->headers + self::typed($body) + $headers, self::json($body));
    }

    /**
     * @param list<Question> $questions
     * @return list<Decision>
     */
    private function evaluate(array $questions, bool $reasons): array
    {
        $headers = array_diff_key($this->headers, ['Resellerd-User' => '']) + ($reasons ? ['Resellerd-Reasons' => 'true'] : []);
        $body = [
            'subject' => ['type' => 'user', 'id' => $this->id],
            'evaluations' => array_map(static fn(Question $q): array => $q->evaluation(), $questions),
        ];
        $answer = $this->transport->send('POST', '/access/v1/evaluations', $headers + self::typed($body), self::json($body));
        $answers = $answer->document()['evaluations'] ?? [];
        if (count($answers) !== count($questions)) {
            throw new Unavailable('resellerd has not answered every question.');
        }
        return array_map(
            static fn(array $a): Decision => new Decision($a['decision'] === true, $a['context']['reasons'] ?? []),
            $answers,
        );
    }

    /** @return array<string, string> */
    private static function typed(?array $body): array
    {
        return $body === null ? [] : ['Content-Type' => 'application/json'];
    }

    private static function json(?array $body): ?string
    {
        return $body === null ? null : json_encode((object) $body, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES);
    }
}
