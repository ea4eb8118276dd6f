-- What every script shares: connecting, a plain session, and checks that say what was expected.
function expect(what, got, wanted)
  if got ~= wanted then
    error(what .. ": got " .. string.char(got) .. ", wanted " .. string.char(wanted))
  end
end

function ensure(what, held)
  if not held then error(what) end
end

function done(what, problem)
  if problem ~= nil then error(what .. ": " .. problem) end
end

function opened(name)
  local conn = mt.connect(address, 40, 0.05)
  if conn == nil then error("cannot connect to " .. address) end
  done("negotiate", mt.negotiate(conn, nil, nil, nil))
  done("macro", mt.macro(conn, SMFIC_CONNECT, "j", "mx.test.example", "{daemon_name}", "test"))
  done("conninfo", mt.conninfo(conn, name, "192.0.2.25"))
  expect("connect", mt.getreply(conn), SMFIR_CONTINUE)
  done("helo", mt.helo(conn, name))
  expect("helo", mt.getreply(conn), SMFIR_CONTINUE)
  return conn
end

function envelope(conn, from, to)
  done("macro", mt.macro(conn, SMFIC_MAIL, "i", "QID1", "{mail_addr}", from))
  done("mail", mt.mailfrom(conn, from, "SIZE=100"))
  expect("mail", mt.getreply(conn), SMFIR_CONTINUE)
  done("rcpt", mt.rcptto(conn, to))
  expect("rcpt", mt.getreply(conn), SMFIR_CONTINUE)
  done("data", mt.data(conn))
  expect("data", mt.getreply(conn), SMFIR_CONTINUE)
end

function content(conn, subject, text)
  done("header", mt.header(conn, "From", "alice@example.org"))
  expect("header", mt.getreply(conn), SMFIR_CONTINUE)
  done("header", mt.header(conn, "Subject", subject))
  expect("header", mt.getreply(conn), SMFIR_CONTINUE)
  done("eoh", mt.eoh(conn))
  expect("eoh", mt.getreply(conn), SMFIR_CONTINUE)
  done("body", mt.bodystring(conn, text .. "\r\n"))
  expect("body", mt.getreply(conn), SMFIR_CONTINUE)
  done("eom", mt.eom(conn))
end
