// hooks/useRealtime.ts
import { useEffect, useRef } from 'react';
import { SobranieRealtimeClient } from '../../src/sobranie.ts';

export function useRealtime(token: string) {
  const clientRef = useRef<SobranieRealtimeClient>();
  
  useEffect(() => {
    const client = new SobranieRealtimeClient({
      apiUrl: process.env.NEXT_PUBLIC_API_URL!,
      wsUrl: process.env.NEXT_PUBLIC_WS_URL!,
      token
    });
    
    client
      .on('onConnect', () => {
        console.log('Real-time connected');
      })
      .on('onNotification', (notification) => {
        // Показать уведомление
        showNotification(notification);
      })
      .on('onMessage', (channel, message) => {
        // Обновить чат
        updateChat(channel, message);
      });
    
    client.connect();
    clientRef.current = client;
    
    return () => {
      client.disconnect();
    };
  }, [token]);
  
  return clientRef.current;
}
