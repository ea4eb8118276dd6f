#!/usr/bin/perl
# What the real SpamAssassin says of mail, as one JSON object a line: the reference for the comparison of hits.
#   ls FILE… | perl bench/peers/spamassassin-hits.pl [--rules DIR] [--site DIR] [--inputs] [--cpu]
# Names come on standard input, one a line. Network tests, Bayes and the automatic lists are off. With --inputs also what
# rules look at: rendered body, raw body, URIs, relays, header metadata. Bytes stand as one character each (latin1).
use strict;
use warnings;
use Getopt::Long;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(clock);
use Mail::SpamAssassin;

my %option;
GetOptions(\%option, 'rules=s', 'site=s', 'inputs', 'cpu') or die "usage: see the head of this file\n";

my $filter = Mail::SpamAssassin->new({
    rules_filename      => $option{rules} // '/usr/share/spamassassin',
    site_rules_filename => $option{site} // '/etc/spamassassin',
    userprefs_filename  => '/dev/null',
    dont_copy_prefs     => 1,
    local_tests_only    => 1,
    post_config_text    => "use_bayes 0\nuse_auto_welcomelist 0\nuse_txrep 0\n",
});
$filter->init(1);

my $json = JSON::PP->new->canonical->latin1;
binmode STDOUT, ':raw';
$| = 1;

# Rules are compiled by a first mail; then each mail is judged in a process of its own. In one process some rules keep what
# an earlier mail made of them: a pattern with %{NAME} is compiled once, with the first mail's text.
judge("Subject: warm\n\nwarm\n")->finish();

while (my $name = <STDIN>) {
    chomp $name;
    my $child = fork() // die "fork: $!\n";
    if ($child == 0) {
        report($name);
        POSIX::_exit(0);
    }
    waitpid $child, 0;
    die "$name: the judging process ended with $?\n" if $?;
}

sub judge {
    my ($text) = @_;
    return $filter->check($filter->parse($text));
}

sub report {
    my ($name) = @_;
    open my $file, '<:raw', $name or die "$name: $!\n";
    my $text = do { local $/; <$file> };
    close $file;
    my $start  = clock();
    my $status = judge($text);
    my $cpu    = clock() - $start;
    my $scores = $filter->{conf}->{scores};
    my %hits   = map { $_ => 0 + $scores->{$_} } split /,/, $status->get_names_of_tests_hit();
    my %line   = (
        file     => $name,
        score    => 0 + $status->get_score(),
        hits     => \%hits,
        counts   => positive($status->{tests_already_hit}),
        subRules => [ sort { $a cmp $b } split /,/, $status->get_names_of_subtests_hit() ],
    );
    $line{cpuMs} = 1000 * $cpu if $option{cpu};
    $line{inputs} = inputs($status) if $option{inputs};
    print $json->encode(\%line), "\n";
}

# Counts of rules, sub-rules too, that hit.
sub positive {
    my ($all) = @_;
    return { map { $_ => 0 + $all->{$_} } grep { $all->{$_} } keys %$all };
}

# Copies as byte strings: what the rules match against.
sub inputs {
    my ($status) = @_;
    my $bytes = sub { my $copy = defined $_[0] ? "$_[0]" : return undef; utf8::encode($copy) if utf8::is_utf8($copy); $copy };
    return {
        body    => [ map { $bytes->($_) } @{ $status->get_decoded_stripped_body_text_array() } ],
        rawbody => [ map { $bytes->($_) } @{ $status->get_decoded_body_text_array() } ],
        uris    => [ sort { $a cmp $b } map { $bytes->($_) } $status->get_uri_list() ],
        headers => {
            map { my $value = $status->get($_, undef); $_ => $bytes->($value) }
              qw(From From:addr From:name To To:addr Cc Subject Subject:raw Reply-To:addr Message-ID MESSAGEID
              ToCc EnvelopeFrom EnvelopeFrom:addr From:domain From:host Received ALL Content-Type Date
              X-Spam-Relays-Trusted X-Spam-Relays-Untrusted X-Spam-Relays-Internal X-Spam-Relays-External
              ALL-TRUSTED ALL-UNTRUSTED ALL-INTERNAL ALL-EXTERNAL)
        },
    };
}
